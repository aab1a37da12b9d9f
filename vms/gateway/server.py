"""The websocket server: websockify's, a process for each console, with our tickets and our filter.

Nothing is kept on the server object, which websockify shares between connections.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import select
import signal
import socket
import ssl
import time
import uuid
from dataclasses import dataclass
from typing import Any

from websockify.websocket import WebSocketWantReadError
from websockify.websocketproxy import ProxyRequestHandler
from websockify.websockifyserver import CompatibleWebSocket, WebSockifyServer

from vms.gateway.site import Console, Refused, Site, SiteAddress, SiteAway
from vms.gateway.watch import Meter, Watch
from vms.hypervisor import consoles as displays
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.errors import HypervisorError
from vms.rfb import doors
from vms.rfb.client import ClientFilter
from vms.rfb.doors import Ending
from vms.rfb.handshake import ProtocolError

log = logging.getLogger(__name__)

CHUNK_BYTES = 256 * 1024
HANDSHAKE_S = 15
"""From the connection to the ticket; then the process is ended by a signal."""
GREETING_S = 10.0
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How a gateway was started. `origins` are normalised."""

    site: SiteAddress
    libvirt_uri: str
    origins: frozenset[str]
    max_consoles: int


class BoundedSocket(CompatibleWebSocket):  # type: ignore[misc]  # websockify has no types
    """A websocket that never waits for the rest of a message, nor holds more of it than one may be
    long; text, which websockify refuses, is put aside.
    """

    def __init__(self, handler: Any) -> None:  # Any: websockify's own
        super().__init__(handler)
        self.texts: list[str] = []
        self.is_readable = False
        """Something is known to be there, so that it need not be looked for."""

    def _recv(self) -> Any:  # Any: as websockify has it
        if len(self._recv_buffer) + len(self._partial_msg) > doors.MAX_MESSAGE_BYTES:
            raise ProtocolError("length")
        if not self.is_readable and not self._has_more():
            raise WebSocketWantReadError
        self.is_readable = False
        return super()._recv()

    def _has_more(self) -> bool:
        is_decrypted = hasattr(self.socket, "pending") and self.socket.pending()
        return bool(is_decrypted or select.select([self.socket], [], [], 0)[0])

    def _recvmsg(self) -> Any:  # Any: as above
        texts = [each for each in self._recv_queue if _is_text(each)]
        if texts:
            self._recv_queue[:] = [each for each in self._recv_queue if not _is_text(each)]
            self.texts += [each["payload"].decode("utf-8", "replace") for each in texts]
        return super()._recvmsg()

    def send_text(self, text: str) -> None:
        """Send a text message; waits as sends of this socket do."""
        self._sendmsg(1, text.encode())


def _is_text(frame: dict[str, Any]) -> bool:  # Any: websockify's own
    return bool(frame["opcode"] == 1 and frame["fin"] and frame["masked"])


class Handler(ProxyRequestHandler):  # type: ignore[misc]  # websockify has no types
    """One connection, in a process of its own."""

    SocketClass = BoundedSocket
    server_version = "kvmweb-gateway"
    sys_version = ""
    timeout = HANDSHAKE_S

    def __init__(self, options: Options, *arguments: Any) -> None:  # Any: websockify's own
        self._options = options
        self._site = Site(options.site)
        self._console: Console | None = None
        self._speaks = False
        self._watch: Watch | None = None
        super().__init__(*arguments)

    def handle_upgrade(self) -> None:
        """Let a connection with a good ticket in, refuse any other before the handshake."""
        self._console = self._admitted()
        signal.alarm(0)
        if self._console is None:
            self.close_connection = True
            self.send_error(403)
            return
        super().handle_upgrade()

    def validate_connection(self) -> None:
        """The ticket was looked at already."""

    def auth_connection(self) -> None:
        """As above."""

    def _admitted(self) -> Console | None:
        """Look at path, Origin and ticket."""
        vm_id = self.path.removeprefix("/")
        offered = self.headers.get("Sec-WebSocket-Protocol", "")
        protocols = [part.strip() for part in offered.split(",")]
        ticket = doors.ticket_of(protocols)
        self._speaks = doors.SEATS_SUBPROTOCOL in protocols
        origin = self.headers.get("Origin")
        has_origin = origin is not None and doors.normalised(origin) in self._options.origins
        if not ticket or not _is_uuid(vm_id) or (origin is not None and not has_origin):
            return None
        address = str(self.client_address[0])
        try:
            return self._site.redeem(
                ticket=ticket, vm_id=vm_id, has_origin=has_origin, address=address
            )
        except (Refused, SiteAway) as error:
            log.info("refused %s: %s", address, error)
            return None

    def new_websocket_client(self) -> None:
        """Open the display, relay it until one side or the site ends it, and say why."""
        if self._console is None:
            raise self.CClose(doors.FAILED.code, doors.FAILED.reason)
        self.request.socket.settimeout(self._console.stalled_s)
        self.request.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        meter = Meter()
        bell, self._ring = socket.socketpair()
        self._watch = watch = Watch(self._site, self._console, meter, self._wake)
        watch.start(is_talk=self._speaks)
        ending = doors.FAILED
        try:
            ending = self._serve(Seat(self._console, watch, meter, bell))
        except Exception:  # the top loop of a connection
            log.exception("console %s failed", self._console.id)
        finally:
            watch.stop(ending.reason)
            for end in (bell, self._ring):
                end.close()
        if ending != doors.BROWSER_GONE:
            raise self.CClose(ending.code, ending.reason)

    def _serve(self, seat: Seat) -> Ending:
        console, watch = seat.console, seat.watch
        try:
            display = open_display(self._options.libvirt_uri, console.domain_uuid)
        except HypervisorError as error:
            return doors.ending_of_error(error.code)
        with display:
            display.settimeout(console.stalled_s)
            try:
                return watch.ending or self._relay(display, seat)
            except TimeoutError:
                return watch.ending or doors.TOO_SLOW
            except ProtocolError:
                return doors.NOT_RFB
            except OSError:
                return watch.ending or doors.BROWSER_GONE

    def _relay(self, display: socket.socket, seat: Seat) -> Ending:
        """Hand bytes on both ways; of the client only what it may say now."""
        watch, meter = seat.watch, seat.meter
        allowed = ClientFilter(has_control=watch.orders.has_control)
        told, began_s = "", time.monotonic()
        while watch.ending is None:
            ready = select.select([self.request, display, seat.bell], [], [], LOOK_S)[0]
            if display in ready:
                data = display.recv(CHUNK_BYTES)
                if not data:
                    return doors.GUEST_ENDED
                self.send_frames([data])
                meter.bytes_out += len(data)
            if self.request in ready and self._from_browser(display, allowed, seat):
                return doors.BROWSER_GONE
            if seat.bell in ready:
                seat.bell.recv(1024)
                told = self._follow(display, allowed, seat, told)
            if not allowed.has_greeted and time.monotonic() - began_s > GREETING_S:
                return doors.NO_GREETING
        return watch.ending

    def _from_browser(self, display: socket.socket, allowed: ClientFilter, seat: Seat) -> bool:
        """Hand on what has come from the browser; True when it has gone."""
        self.request.is_readable = True
        pieces, closed = self.recv_frames()
        for piece in pieces:
            seat.meter.bytes_in += len(piece)
            acted = allowed.acted
            display.sendall(allowed.feed(piece))
            if allowed.acted != acted:
                seat.meter.acted_s = time.monotonic()
        for text in self.request.texts:
            if not self._speaks:
                raise ProtocolError("text")
            seat.watch.say(text)
        self.request.texts.clear()
        return bool(closed)

    def _follow(self, display: socket.socket, allowed: ClientFilter, seat: Seat, told: str) -> str:
        """Do what the site ordered; return what the page has been told."""
        orders = seat.watch.orders
        display.sendall(allowed.switch(has_control=orders.has_control))
        if self._speaks and orders.tell and orders.tell != told:
            self.request.send_text(orders.tell)
            return orders.tell
        return told

    def _wake(self) -> None:
        """Ring the bell of the relay, and let it wait no longer for a browser that takes nothing.
        From the watch's thread.
        """
        with contextlib.suppress(OSError):
            self._ring.send(b"!")
            if self._watch_ends():
                self.request.socket.settimeout(LOOK_S)

    def _watch_ends(self) -> bool:
        return self._watch is not None and self._watch.ending is not None


@dataclass(frozen=True, slots=True)
class Seat:
    """One console: what it is, who watches over it, what passed, and what wakes its relay."""

    console: Console
    watch: Watch
    meter: Meter
    bell: socket.socket


class Server(WebSockifyServer):  # type: ignore[misc]  # websockify has no types
    """websockify's server with a limit on its processes and on the time of a handshake."""

    def __init__(self, options: Options, **arguments: Any) -> None:  # Any: websockify's own
        def handler(*connection: Any) -> Handler:
            return Handler(options, *connection)

        self._most = options.max_consoles
        super().__init__(handler, **arguments)

    def poll(self) -> None:
        """Take nobody in while there are as many as may be."""
        while len(children := multiprocessing.active_children()) >= self._most:
            multiprocessing.connection.wait([child.sentinel for child in children], LOOK_S)

    def top_new_client(self, startsock: socket.socket, address: Any) -> None:
        """Serve one connection, in its own process, which a signal ends if it dawdles."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(HANDSHAKE_S)
        super().top_new_client(startsock, address)


def tls_options() -> int:
    """Return OpenSSL's options for a server; websockify would take none."""
    return int(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).options)


def open_display(libvirt_uri: str, domain_uuid: str) -> socket.socket:
    """Open a guest's display through libvirt, and let libvirt go. Raises HypervisorError."""
    host = HostConnection(libvirt_uri)
    try:
        return displays.open_graphics(host, domain_uuid)
    finally:
        host.close()


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
