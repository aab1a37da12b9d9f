"""Looks once a minute which leases end; a thread of its own, for it acts on hosts."""

from __future__ import annotations

import threading

from django.utils import timezone

from vms.services import lease_watch
from vms.worker.loops import repeat

LOOK_S = 60.0


def watch(stop: threading.Event) -> None:
    """Do what is due, until stopped."""
    repeat(_look, stop, LOOK_S)


def _look() -> None:
    lease_watch.run_due(timezone.now())
