"""The id of this installation: made once, kept in its home, written into every guest's metadata."""

from __future__ import annotations

import os
import uuid
from functools import cache
from pathlib import Path

from django.conf import settings


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
