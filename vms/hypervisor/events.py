"""libvirt's events of one host in our words. Callbacks translate and pass on, nothing else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

import libvirt

from .connection import HostConnection, Lane
from .errors import HypervisorError
from .link import Watcher
from .types import EventKind, HostEvent

_log = logging.getLogger(__name__)

_LIFECYCLE = {
    libvirt.VIR_DOMAIN_EVENT_DEFINED: "defined",
    libvirt.VIR_DOMAIN_EVENT_UNDEFINED: "undefined",
    libvirt.VIR_DOMAIN_EVENT_STARTED: "started",
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: "suspended",
    libvirt.VIR_DOMAIN_EVENT_RESUMED: "resumed",
    libvirt.VIR_DOMAIN_EVENT_STOPPED: "stopped",
    libvirt.VIR_DOMAIN_EVENT_SHUTDOWN: "shutdown",
    libvirt.VIR_DOMAIN_EVENT_PMSUSPENDED: "pmsuspended",
    libvirt.VIR_DOMAIN_EVENT_CRASHED: "crashed",
}
# What else makes a domain worth reading again, and the word for it.
_CHANGES = {
    libvirt.VIR_DOMAIN_EVENT_ID_REBOOT: "rebooted",
    libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE: "metadata",
    libvirt.VIR_DOMAIN_EVENT_ID_TRAY_CHANGE: "tray",
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED: "device-added",
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED: "device-removed",
    libvirt.VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE: "balloon",
    libvirt.VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON: "io-error",
    libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE: "agent",
}


class EventFeed:
    """Passes a host's events to `emit`, over every connection that the host's WATCH lane makes.

    `emit` is called from threads of this package, must return at once and must not call libvirt.
    Each new connection starts with CONNECTION_MADE, each loss gives CONNECTION_LOST.
    """

    def __init__(self, host: HostConnection, emit: Callable[[HostEvent], None]) -> None:
        self._host = host
        self._emit = emit
        self._watcher = Watcher(opened=self._opened, lost=self._lost)
        self._lock = threading.Lock()
        self._registered: libvirt.virConnect | None = None
        self._undo: list[Callable[[], object]] = []
        self._is_stopped = True

    def start(self) -> None:
        """Begin. A host that is away is no error: the feed begins with its next connection.

        Connections are made by calls on the WATCH lane (the sampler's), never by the feed itself.
        """
        self._is_stopped = False
        self._host.watch(Lane.WATCH, self._watcher)
        self._try()

    def ensure(self) -> None:
        """Register where the connection is there but that failed before; else it costs nothing."""
        if self._registered is None and not self._is_stopped and self._host.is_connected:
            self._try()

    def _try(self) -> None:
        try:
            self._host.call(Lane.WATCH, self._opened, must_be_first=True)
        except HypervisorError as error:
            _log.info("no events of %s yet: %s", self._host.uri, error)

    def stop(self) -> None:
        """End; `emit` is not called any more once this has returned."""
        self._is_stopped = True
        self._host.unwatch(Lane.WATCH, self._watcher)
        with self._lock:
            undo, self._undo, self._registered = self._undo, [], None
        if not self._host.is_connected:
            return
        try:
            self._host.call(
                Lane.WATCH, lambda _conn: _run_all(undo), timeout_s=2.0, must_be_first=True
            )
        except HypervisorError as error:
            _log.debug("stopping the events of %s: %s", self._host.uri, error)

    def _opened(self, conn: libvirt.virConnect) -> None:
        """Register with a connection unless that is done: opening and start() both come here."""
        with self._lock:
            if self._registered is conn or self._is_stopped:
                return
            self._registered = conn
        # Not under the lock: _lost() takes it in libvirt's event thread, which no host may hold up.
        undo = self._register(conn)
        with self._lock:
            if self._registered is conn:
                self._undo = undo
        self._pass(HostEvent(EventKind.CONNECTION_MADE))

    def _lost(self) -> None:
        with self._lock:
            self._registered = None
            self._undo = []
        self._pass(HostEvent(EventKind.CONNECTION_LOST))

    def _register(self, conn: libvirt.virConnect) -> list[Callable[[], object]]:
        """Register all that the driver has; return what undoes it."""
        undo: list[Callable[[], object]] = []
        domain = conn.domainEventRegisterAny
        kind = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
        wanted = [(partial(domain, None, kind, self._on_lifecycle, None), "domain")]
        for kind, word in _CHANGES.items():
            wanted.append((partial(domain, None, kind, self._on_change, word), "domain"))
        pool, network = conn.storagePoolEventRegisterAny, conn.networkEventRegisterAny
        for kind in (
            libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE,
            libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH,
        ):
            wanted.append((partial(pool, None, kind, self._on_pool, None), "storagePool"))
        kind = libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE
        wanted.append((partial(network, None, kind, self._on_network, None), "network"))
        for register, family in wanted:
            try:
                number = register()
            except libvirt.libvirtError as error:
                _log.debug("%s has no such %s event: %s", self._host.uri, family, error)
                continue
            undo.append(partial(getattr(conn, f"{family}EventDeregisterAny"), number))
        return undo

    def _on_lifecycle(
        self, _conn: object, domain: libvirt.virDomain, event: int, detail: int, _opaque: object
    ) -> None:
        word = _LIFECYCLE.get(event, "changed")
        is_removed = event == libvirt.VIR_DOMAIN_EVENT_UNDEFINED
        if is_removed and detail == libvirt.VIR_DOMAIN_EVENT_UNDEFINED_RENAMED:
            is_removed, word = False, "renamed"
        kind = EventKind.DOMAIN_REMOVED if is_removed else EventKind.DOMAIN_CHANGED
        self._pass(HostEvent(kind, domain.UUIDString(), word))

    def _on_change(self, _conn: object, domain: libvirt.virDomain, *rest: object) -> None:
        """Handle every other domain event; whatever they carry between, the word comes last."""
        self._pass(HostEvent(EventKind.DOMAIN_CHANGED, domain.UUIDString(), str(rest[-1])))

    def _on_pool(self, _conn: object, pool: libvirt.virStoragePool, *_rest: object) -> None:
        self._pass(HostEvent(EventKind.POOL_CHANGED, pool.UUIDString()))

    def _on_network(self, _conn: object, network: libvirt.virNetwork, *_rest: object) -> None:
        self._pass(HostEvent(EventKind.NETWORK_CHANGED, network.UUIDString()))

    def _pass(self, event: HostEvent) -> None:
        if self._is_stopped:
            return
        try:
            self._emit(event)
        except Exception:  # a top loop: libvirt would print it and go on, or lose the connection
            _log.exception("event %s of %s", event.kind, self._host.uri)


def _run_all(actions: list[Callable[[], object]]) -> None:
    for action in actions:
        try:
            action()
        except libvirt.libvirtError as error:
            _log.debug("deregistering an event: %s", error)
