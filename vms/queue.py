"""Huey and its single task. Below the services, so that they can enqueue; handlers register from
above.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import transaction


@contextmanager
def _without(*drivers: str) -> Iterator[None]:
    """Let an import find none of these modules, unless they are loaded already.

    Huey loads the driver of every storage that it could have, 14 MiB for Redis and PostgreSQL,
    and takes each for optional.
    """
    absent = [name for name in drivers if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: there is none
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


with _without("redis", "psycopg", "psycopg2"):
    from huey import Huey, MemoryHuey, SqliteHuey

Handler = Callable[[uuid.UUID], None]
_runner: list[Handler] = []


def _make_huey() -> Huey:
    if getattr(settings, "HUEY_IN_MEMORY", False):
        return MemoryHuey("kvmweb", results=False)
    path = settings.KVMWEB.home / "jobs.sqlite3"
    return SqliteHuey("kvmweb", filename=str(path), results=False, timeout=20)


huey = _make_huey()


def register_runner(runner: Handler) -> None:
    """Set what runs a job; worker/jobs.py does so when it is imported."""
    _runner[:] = [runner]


@huey.task()  # type: ignore[untyped-decorator]  # huey ships no types
def run_job(job_id: str) -> None:
    """Run the job of that id with the registered runner."""
    for runner in _runner:
        runner(uuid.UUID(job_id))


def enqueue_on_commit(job_id: uuid.UUID) -> None:
    """Put the job into the queue as soon as the transaction under way is committed."""
    transaction.on_commit(lambda: run_job(str(job_id)))
