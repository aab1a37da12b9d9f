"""The database of a site: SQLite in the home, or the PostgreSQL that KVMWEB_DATABASE_URL names."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Settings = dict[str, Any]  # Any: Django's own shape of a database's settings

SCHEMES = ("postgresql", "postgres")
LOCK_S = 20
"""Like the busy timeout of SQLite: nobody waits longer for what somebody else holds."""


def problem(url: str) -> str:
    """Say what is wrong with a database URL, "" if nothing is; never repeats a password."""
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return "it cannot be read as a URL"
    if parts.scheme not in SCHEMES:
        return "it has to begin with postgresql://"
    if not unquote(parts.path.strip("/")):
        return "the name of the database is missing at its end"
    return ""


def settings(url: str, home: Path) -> Settings:
    """Give Django's settings for a URL without `problem`; for SQLite in `home` where it is ""."""
    return _postgresql(url) if url else _sqlite(home)


def _sqlite(home: Path) -> Settings:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": home / "db.sqlite3",
        "OPTIONS": {
            # The write lock from the first statement on: what a transaction has read stays true.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                "PRAGMA foreign_keys=ON; PRAGMA cache_size=-8000;"
            ),
        },
    }


def _postgresql(url: str) -> Settings:
    """Read postgresql://user:password@host:port/name?option=value; `host` may be an option, too,
    where it is the directory of a socket.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", parts.hostname or "")
    timeouts = f"-c lock_timeout={LOCK_S}s -c idle_in_transaction_session_timeout=60s"
    options["options"] = f"{options.get('options', '')} {timeouts}".strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": {"connect_timeout": "5", **options},
    }
