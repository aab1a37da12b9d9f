"""Random secrets that are shown once, and what is kept of them: hashes, or where the secret itself
is needed again, a text that only this installation's key opens.
"""

from __future__ import annotations

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

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


def seal(text: str) -> str:
    """Encrypt a text so that the database alone does not tell it."""
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str | None:
    """Give back a sealed text; None when another key sealed it."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _box() -> Fernet:
    key = hashlib.sha256(b"kvmweb sealed\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
