"""This installation: its id, which stands in every guest's metadata, and the lock on its home."""

from __future__ import annotations

import fcntl
import os
import uuid
from functools import cache
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

LOCK = "server.lock"


def installation_id() -> str:
    """Return the id of this installation, making it on first use."""
    return _read_or_make(settings.KVMWEB.home / "installation_id")


@cache
def _read_or_make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        # Written aside and linked into place: who comes second reads a whole id, the first one's.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(f"{uuid.uuid4()}\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


class HomeTaken(Exception):
    """Another server works on the same home."""


def lock_home(home: Path) -> IO[str]:
    """Take the lock that one embedded server holds on its home; keep the file open while it runs.

    Raises HomeTaken. The kernel frees the lock when the process ends, however it ends.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = (home / LOCK).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        values = {"process": file.read().strip() or "?", "home": home}
        file.close()
        raise HomeTaken(
            _(
                "Another kvmweb server (process %(process)s) already works on %(home)s. "
                "Stop it first, or set KVMWEB_HOME to another directory for a second site."
            )
            % values
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
