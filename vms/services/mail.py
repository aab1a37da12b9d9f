"""Mail: whether there is a way to send it, and sending one. Texts are made elsewhere."""

from __future__ import annotations

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

TIMEOUT_S = 20


class MailFailed(Exception):
    """The mail server did not take it; the text says what it answered."""


def is_configured() -> bool:
    """Say whether the operator has named a mail server."""
    return bool(settings.KVMWEB.mail_host)


def send(*, to: str, subject: str, text: str) -> None:
    """Hand one mail to the mail server, within a time limit. Raises MailFailed."""
    if not is_configured():
        raise MailFailed("no mail server is configured")
    one_line = " ".join(subject.split())
    sender = settings.KVMWEB.mail_from or f"kvmweb@{settings.KVMWEB.mail_host}"
    try:
        message = EmailMessage(one_line, text, sender, [to], connection=_connection())
        message.send()
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise MailFailed(str(error)) from error


def _connection() -> BaseEmailBackend:
    env = settings.KVMWEB
    return get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        host=env.mail_host,
        port=env.mail_port,
        username=env.mail_user,
        password=env.mail_password.get_secret_value(),
        use_tls=env.mail_security == "starttls",
        use_ssl=env.mail_security == "tls",
        timeout=TIMEOUT_S,
    )
