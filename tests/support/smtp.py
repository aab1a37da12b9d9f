"""A real mail server on the loopback that keeps what it is given."""

from __future__ import annotations

import contextlib
import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage

from aiosmtpd.controller import Controller

from tests.support.site import free_port


class Postbox:
    """What arrived; `refuses` makes the server answer that it cannot now."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refuses = False
        self.port = free_port()

    async def handle_DATA(self, _server, _session, envelope) -> str:
        """Keep a mail, or refuse it."""
        if self.refuses:
            return "451 not now"
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.recipients += envelope.rcpt_tos
        return "250 kept"


@contextlib.contextmanager
def mail_server() -> Iterator[Postbox]:
    """A mail server that runs, and stops whatever happens."""
    postbox = Postbox()
    controller = Controller(postbox, hostname="127.0.0.1", port=postbox.port)
    controller.start()
    try:
        yield postbox
    finally:
        controller.stop()
