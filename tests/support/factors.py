"""Codes as an authenticator app shows them."""

from __future__ import annotations

import time

from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core.cache import cache

from vms.models import User


def code_of(secret: str) -> str:
    """Give the code that an app shows now; a code works once, so what was used is forgotten."""
    cache.clear()
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def give_app(user: User) -> str:
    """Set an authenticator app up for somebody and return its key."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret
