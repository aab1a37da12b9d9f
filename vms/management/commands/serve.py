"""`manage.py serve`: the site in one process, pages, websockets and worker."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from dataclasses import dataclass
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from vms.management import memory, tls
from vms.management.addresses import WILDCARDS, is_loopback, names_of
from vms.management.patience import PatientProtocol
from vms.services.installation import HomeTaken, lock_home

APPLICATION = "kvmweb.asgi:application"
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
"""Of a websocket. A console carries no more than a clipboard at once."""
PING_S = 20.0
GRACE_S = 2
USER_TIMEOUT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    host: str
    port: int
    has_tls: bool

    @property
    def names(self) -> list[str]:
        """Names by which other machines call us."""
        return names_of(self.host)

    @property
    def url(self) -> str:
        """The address to type into a browser."""
        if settings.KVMWEB.public_urls:
            return str(settings.KVMWEB.public_urls[0]) + "/"
        is_local = is_loopback(self.host) or not self.names
        name = "localhost" if is_local else self.names[0]
        scheme = "https" if self.has_tls else "http"
        return f"{scheme}://{f'[{name}]' if ':' in name else name}:{self.port}/"


class Command(BaseCommand):
    """Serve until Ctrl-C."""

    help = "Serve the site until Ctrl-C. Guests go on running when it stops."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take address, port and whether to encrypt."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--tls", action="store_true", help="https with a certificate of our own"
        )

    def handle(self, *args: object, **options: Any) -> None:  # Any: Django's own signature
        """Check what can be checked before the start, then serve."""
        wanted = Options(options["host"], options["port"], options["tls"])
        memory.share_arenas()
        require_tls(wanted)
        try:
            lock_home(settings.KVMWEB.home).close()
        except HomeTaken as error:
            raise CommandError(str(error)) from None
        listener = listen(wanted)
        prepare_settings(wanted)
        config = configure(wanted, self.stdout.write)
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        server = Server(config, lambda: self.stdout.write(f"kvmweb is at {wanted.url}"))
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again when it is done
            server.run(sockets=[listener])
        self.stdout.write("kvmweb has stopped; guests go on running.")
        leave()


class Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, announce: Any) -> None:  # Any: any callable
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell the address."""
        await super().startup(sockets=sockets)
        if self.started:
            self._announce()


def require_tls(options: Options) -> None:
    """Refuse to send passwords and screens over a network in clear."""
    if is_loopback(options.host) or options.has_tls or settings.KVMWEB.public_urls:
        return
    raise CommandError(
        f"{options.host} can be reached from other machines, so the site must be encrypted. "
        "Add --tls: a certificate is made on first use. Or, if a reverse proxy in front does the "
        "encryption, set KVMWEB_PUBLIC_URLS to the address that it serves, e.g. https://vms.example."
    )


def listen(options: Options) -> socket.socket:
    """Open the listening socket. Raises CommandError with a next step."""
    host = "::" if options.host in {"", "*"} else options.host
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # A browser that acknowledges but never reads would keep its connection for ever.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        listener.bind(address)
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {options.host} port {options.port}: {error.strerror}. "
            "Choose another with --host and --port."
        ) from None
    listener.set_inheritable(False)
    return listener


def prepare_settings(options: Options) -> None:
    """Let the site answer to the names it is served under, and to no others.

    Done here and not in the environment, because the address is only known from the command line.
    """
    settings.ALLOWED_HOSTS.extend(f"[{name}]" if ":" in name else name for name in options.names)
    if options.has_tls:
        settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True


def configure(options: Options, write: Any) -> uvicorn.Config:  # Any: any callable
    """Choose how uvicorn serves."""
    files: dict[str, Any] = {}  # Any: keyword arguments
    if options.has_tls:
        own = {socket.gethostname(), *options.names} - WILDCARDS
        made = tls.ensure(settings.KVMWEB.home / "tls", own)
        files = {"ssl_certfile": str(made.certificate), "ssl_keyfile": str(made.key)}
        write(f"The certificate is our own; its SHA-256 fingerprint is\n  {made.fingerprint}")
    return uvicorn.Config(
        APPLICATION,
        lifespan="on",
        http=PatientProtocol,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACE_S,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.KVMWEB.public_urls or settings.KVMWEB.trusted_proxies),
        forwarded_allow_ips=["127.0.0.1", "::1", *settings.KVMWEB.trusted_proxies],
        **files,
    )


def leave() -> None:
    """End the process now if a thread still waits for a host: its call has a time limit, we not."""
    main = threading.main_thread()
    if any(t is not main and not t.daemon for t in threading.enumerate()):
        logging.shutdown()
        os._exit(0)
