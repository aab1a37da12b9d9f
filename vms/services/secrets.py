"""Random secrets that are shown once, and what is kept of them: hashes, or where the secret itself
is needed again, a text that only this installation's key opens.
"""

from __future__ import annotations

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher, get_hasher, make_password

ONE_TIME_ROUNDS = 20_000
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


def hash_one_time(password: str) -> str:
    """Hash a one-time password for the account's row.

    It has 79 random bits, so few rounds are enough, and a hundred accounts take no minute; whoever
    logs in with it chooses his own at once, which is hashed with all rounds.
    """
    hasher = get_hasher()
    if isinstance(hasher, PBKDF2PasswordHasher):
        return hasher.encode(password, hasher.salt(), ONE_TIME_ROUNDS)
    return make_password(password)


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
