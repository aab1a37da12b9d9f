"""Notices: tell somebody something, in the page and where he wants it by mail.

`tell` is what other services call. Nobody sees or changes another person's notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from vms import languages, messages
from vms.live import publish
from vms.models import Notice, User
from vms.models.share import VmRole
from vms.policy import Action, Person, can
from vms.problems import Forbidden, NotFound
from vms.services import mail, preferences

log = structlog.get_logger(__name__)

JOB_FAILED, LEASE_ENDS, SHARED, QUOTA = "job-failed", "lease-ends", "shared", "quota"
REGISTERED = "registered"
KINDS = (JOB_FAILED, LEASE_ENDS, SHARED, QUOTA, REGISTERED)
SHOWN = 30
KEPT = timedelta(days=90)
MAX_TRIES = 5
BATCH = 20
Params = Mapping[str, object]
"""What fills the sentence: texts and numbers; `vm` is the id of the guest that it is about."""


@dataclass(frozen=True, slots=True)
class Line:
    """A notice as a page or the API shows it. `vm_id` is "" where it is about no guest."""

    id: str
    kind: str
    text: str
    vm_id: str
    at: datetime
    is_read: bool


def tell(*, user: User, kind: str, params: Params, once_key: str = "") -> bool:
    """Tell somebody; False when he was told before under the same `once_key`.

    Inside a transaction it counts when that commits. Raises ValueError for an unknown kind.
    """
    if kind not in KINDS:
        msg = f"unknown kind of notice: {kind}"
        raise ValueError(msg)
    due = timezone.now() if _wants_mail(user, kind) else None
    try:
        with transaction.atomic():
            Notice.objects.create(
                user=user,
                kind=kind,
                params=dict(params),
                once_key=once_key[:150] or None,
                mail_due_at=due,
            )
    except IntegrityError:
        return False
    _announce(user)
    return True


def _wants_mail(user: User, kind: str) -> bool:
    if not mail.is_configured() or not user.email or not user.is_active:
        return False
    wanted = preferences.of(user).mail_kinds
    return wanted is None or kind in wanted


def _announce(user: User) -> None:
    transaction.on_commit(lambda: publish.notices_changed(str(user.pk)))


def latest(*, actor: Person) -> list[Line]:
    """Give the newest notices of the actor himself."""
    rows = Notice.objects.filter(user_id=actor.user.pk).order_by("-created_at", "pk")
    return [_line(row) for row in rows[:SHOWN]]


def _line(row: Notice) -> Line:
    return Line(
        id=str(row.pk),
        kind=row.kind,
        text=_text(row),
        vm_id=str(row.params.get("vm") or ""),
        at=row.created_at,
        is_read=row.read_at is not None,
    )


def _text(row: Notice) -> str:
    """Word a notice in the language that is spoken now."""
    role = row.params.get("role")
    words = {"role": str(VmRole(role).label)} if role in VmRole.values else {}
    return messages.notice(row.kind, {**row.params, **words})


def _require_right(actor: Person) -> None:
    if not can(actor, Action.ACCOUNT_EDIT, actor.user):
        raise Forbidden("forbidden", action=Action.ACCOUNT_EDIT.value)


def mark_read(*, actor: Person, notice_id: str) -> None:
    """Note that the actor has read one of his notices. Raises NotFound, Forbidden."""
    _require_right(actor)
    rows = Notice.objects.filter(user_id=actor.user.pk, pk=notice_id)
    if not rows.exists():
        raise NotFound("notice")
    rows.filter(read_at=None).update(read_at=timezone.now())
    _announce(actor.user)


def mark_all_read(*, actor: Person) -> int:
    """Note that the actor has read all of his notices; return how many were new.

    Raises Forbidden.
    """
    _require_right(actor)
    rows = Notice.objects.filter(user_id=actor.user.pk, read_at=None)
    count = rows.update(read_at=timezone.now())
    _announce(actor.user)
    return count


def send_due_mails() -> None:
    """Mail what is due, and try again later what the mail server did not take. For the worker."""
    if not mail.is_configured():
        return
    due = Notice.objects.select_related("user").filter(mail_due_at__lte=timezone.now())
    for row in due.order_by("mail_due_at")[:BATCH]:
        _mail(row)


def _mail(row: Notice) -> None:
    """Send one. The row is put off first: two workers never send it at the same moment."""
    again = timezone.now() + timedelta(minutes=2**row.mail_tries)
    mine = Notice.objects.filter(pk=row.pk, mail_due_at=row.mail_due_at)
    if not mine.update(mail_due_at=again, mail_tries=F("mail_tries") + 1):
        return
    claimed = Notice.objects.filter(pk=row.pk)
    if not row.user.is_active or not row.user.email:
        claimed.update(mail_due_at=None)
        return
    with languages.speaking(row.user.language):
        text = _text(row)
        subject = messages.notice_subject(row.kind)
    try:
        mail.send(to=row.user.email, subject=subject, text=_body(row, text))
    except mail.MailFailed as error:
        log.warning("mail-failed", error=str(error), tries=row.mail_tries + 1)
        if row.mail_tries + 1 >= MAX_TRIES:
            claimed.update(mail_due_at=None)
        return
    claimed.update(mail_due_at=None)


def _body(row: Notice, text: str) -> str:
    urls = settings.KVMWEB.public_urls
    vm_id = row.params.get("vm")
    link = f"\n\n{urls[0]}/guests/{vm_id}/" if urls and vm_id else ""
    return f"{text}{link}\n"


def delete_old() -> None:
    """Delete notices older than `KEPT`."""
    Notice.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
