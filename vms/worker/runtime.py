"""Everything that the worker runs, started and stopped as one."""

from __future__ import annotations

import threading
import time
import uuid

import structlog
from django.conf import settings

from vms import selectors
from vms.hypervisor import registry
from vms.models import Host
from vms.policy import SystemActor
from vms.services import gateways, jobs, notices, uploads
from vms.worker import jobs as _runner  # noqa: F401 - registers what runs a job
from vms.worker import leases
from vms.worker.consumer import ThreadConsumer
from vms.worker.desk import Desk
from vms.worker.historian import Historian
from vms.worker.loops import repeat, spawn
from vms.worker.monitor import Monitor
from vms.worker.reconcile import Reconciler
from vms.worker.sampler import Sampler

log = structlog.get_logger(__name__)

LOOK_FOR_HOSTS_S = 3.0
CLEAN_UP_S = 15.0
MAIL_S = 5.0
STOP_S = 1.8


class HostWatch:
    """The three threads that look after one host."""

    def __init__(self, host: Host, historian: Historian) -> None:
        self.uri = host.uri
        self._desk = Desk(host)
        sampler = Sampler(self._desk, settings.KVMWEB.sample_interval_s, historian.put)
        parts = {
            "sampler": sampler.run,
            "monitor": Monitor(self._desk).run,
            "reconcile": Reconciler(self._desk, settings.KVMWEB.reconcile_interval_s).run,
        }
        self._threads = [spawn(f"{name} {host.name}", run) for name, run in parts.items()]

    def ask_to_stop(self) -> None:
        """Tell the threads to end; returns at once."""
        self._desk.stop.set()

    def join(self, deadline_s: float) -> None:
        """Wait for the threads until that moment of the monotonic clock."""
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))


class Runtime:
    """The worker. `start` returns at once; `stop` within about `STOP_S` seconds."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._watches: dict[uuid.UUID, HostWatch] = {}
        self._lock = threading.Lock()
        self._consumer: ThreadConsumer | None = None
        self._historian = Historian(self._stop)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to watch every host, and to run jobs."""
        self._threads = [
            spawn("hosts", self._watch_hosts),
            spawn("jobs", self._run_jobs),
            spawn("history", self._historian.run),
            spawn("mail", self._send_mails),
            spawn("leases", lambda: leases.watch(self._stop)),
        ]

    def stop(self) -> None:
        """Stop everything; calls and jobs that do not end in time are left behind."""
        deadline_s = time.monotonic() + STOP_S
        self._stop.set()
        with self._lock:
            watches = list(self._watches.values())
            self._watches.clear()
            consumer = self._consumer
        for watch in watches:
            watch.ask_to_stop()
        if consumer is not None:
            consumer.finish(max(0.1, deadline_s - time.monotonic() - 0.5))
        for watch in watches:
            watch.join(deadline_s)
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        registry.close_all()

    def _run_jobs(self) -> None:
        repeat(self._look_after_jobs, self._stop, CLEAN_UP_S)

    def _look_after_jobs(self) -> None:
        """Before the first job, end what was interrupted; later, clean up what had to wait."""
        uploads.expire()
        if self._consumer is not None:
            jobs.clean_up_ended()
            gateways.forget_lost()
            return
        jobs.recover_interrupted()
        with self._lock:
            if not self._stop.is_set():
                self._consumer = ThreadConsumer()
                self._consumer.start()

    def _send_mails(self) -> None:
        repeat(notices.send_due_mails, self._stop, MAIL_S)

    def _watch_hosts(self) -> None:
        repeat(self._follow_hosts, self._stop, LOOK_FOR_HOSTS_S)

    def _follow_hosts(self) -> None:
        """Watch the hosts that there are: new ones, those whose address changed, not those gone."""
        rows = {row.pk: row for row in selectors.hosts(SystemActor())}
        with self._lock:
            if self._stop.is_set():
                return
            for pk, watch in list(self._watches.items()):
                if pk not in rows or rows[pk].uri != watch.uri:
                    self._watches.pop(pk).ask_to_stop()
                    registry.forget(str(pk))
            for pk, row in rows.items():
                if pk not in self._watches:
                    self._watches[pk] = HostWatch(row, self._historian)
