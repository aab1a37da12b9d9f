"""Random secrets that are shown once, and their hashes, which are what is kept."""

from __future__ import annotations

import hashlib
import secrets

_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """Make 256 random bits as text that is safe in URLs, headers and subprotocols."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Hash a secret of 256 random bits: no salt is needed, and it can be looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


def one_time_password() -> str:
    """Make a password that can be read out: four groups of four, 79 bits."""
    groups = ("".join(secrets.choice(_READABLE) for _ in range(4)) for _ in range(4))
    return "-".join(groups)
