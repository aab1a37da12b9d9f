"""What people do with their own accounts: name, language, SSH keys, sessions. Nobody's else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from vms import languages, selectors
from vms.live import publish
from vms.models import AuditPhase, SshKey, User
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, NotFound, Problem
from vms.services import audit, notices, people, preferences, ssh_keys
from vms.services.names import has_control_characters
from vms.services.secrets import digest

MAX_KEYS = 50
MAX_NAME = 150
LOGIN = "kvmweb_login"
"""Where a browser session keeps when and from where it began: at, address, agent."""


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser that is logged in. `mark` names it and opens nothing; `since` may be unknown."""

    mark: str
    since: datetime | None
    address: str
    agent: str
    is_this: bool


def logged_in(*, actor: Person, methods: Sequence[str]) -> None:
    """Write into the audit trail that somebody logged in, and by what: password, totp, webauthn."""
    trail = _trail(actor, actor.user, "account.log-in", methods=", ".join(dict.fromkeys(methods)))
    audit.write(trail, AuditPhase.SUCCEEDED)


def rename(*, actor: Actor, full_name: str) -> User:
    """Change the own full name; "" takes it away. Raises Invalid (full_name)."""
    me = _me(actor)
    name = full_name.strip()
    if len(name) > MAX_NAME:
        raise Invalid({"full_name": Problem("name-too-long", limit=MAX_NAME)})
    if has_control_characters(name):
        raise Invalid({"full_name": Problem("name-control")})
    with transaction.atomic(), audit.audited(_trail(actor, me, "account.rename", name=name)):
        me.first_name = name
        me.last_name = ""
        me.save(update_fields=["first_name", "last_name"])
        transaction.on_commit(lambda: publish.things_changed("people"))
    return me


def choose_language(*, actor: Actor, language: str) -> User:
    """Choose the language of what the actor reads; "" is what his browser asks for.

    Raises Invalid (language).
    """
    me = _me(actor)
    if language and not languages.is_offered(language):
        raise Invalid({"language": Problem("not-found")})
    if language == me.language:
        return me
    trail = _trail(actor, me, "account.language", language=language)
    with transaction.atomic(), audit.audited(trail):
        me.language = language
        me.save(update_fields=["language"])
    return me


def change(*, actor: Actor, full_name: str | None = None, language: str | None = None) -> User:
    """Change name and language of the own account, both or none; None leaves one as it is.

    Raises Invalid (full_name, language).
    """
    with transaction.atomic():
        if full_name is not None:
            rename(actor=actor, full_name=full_name)
        if language is not None:
            choose_language(actor=actor, language=language)
    return _me(actor)


def choose_mails(*, actor: Actor, email: str, kinds: Collection[str]) -> User:
    """Change where the own mails go ("": nowhere) and which kinds of notices are mailed.

    Raises Invalid (email, kinds).
    """
    me = _me(actor)
    errors: dict[str, Problem] = {}
    if email and not people.is_address(email):
        errors["email"] = Problem("email-rule")
    if not set(kinds) <= set(notices.KINDS):
        errors["kinds"] = Problem("not-found")
    if errors:
        raise Invalid(errors)
    with (
        transaction.atomic(),
        audit.audited(_trail(actor, me, "account.mail", kinds=sorted(kinds))),
    ):
        me.email = email
        me.save(update_fields=["email"])
        preferences.choose_mails(actor=Person(me), kinds=kinds)
    return me


def _me(actor: Actor) -> User:
    if not isinstance(actor, Person) or not can(actor, Action.ACCOUNT_EDIT, actor.user):
        raise Forbidden("forbidden", action=Action.ACCOUNT_EDIT.value)
    return actor.user


def _trail(actor: Actor, me: User, action: str, **detail: str | int | list[str]) -> audit.Trail:
    return audit.Trail(
        actor, action, audit.Target("user", str(me.pk), me.username), detail={**detail}
    )


def add_ssh_keys(*, actor: Actor, text: str) -> tuple[SshKey, ...]:
    """Keep the keys of the pasted lines; return those that were not kept yet.

    Raises Invalid (keys) for the first line that is no public key, or when they are too many.
    """
    me = _me(actor)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=me.pk)  # two pastes at once count together
        known = set(selectors.ssh_keys(actor).values_list("fingerprint", flat=True))
        new = {key.fingerprint: key for key in _parsed(me, text) if key.fingerprint not in known}
        if len(known) + len(new) > MAX_KEYS:
            raise Invalid({"keys": Problem("too-many-ssh-keys", limit=MAX_KEYS)})
        if not new:
            return ()
        with audit.audited(_trail(actor, me, "account.add-ssh-keys", fingerprints=list(new))):
            return tuple(SshKey.objects.bulk_create(new.values()))


def _parsed(me: User, text: str) -> list[SshKey]:
    try:
        lines = ssh_keys.parse(text)
    except Problem as problem:
        raise Invalid({"keys": problem}) from None
    if not lines:
        raise Invalid({"keys": Problem("required")})
    return [_key(me, line) for line in lines]


def _key(me: User, line: str) -> SshKey:
    facts = ssh_keys.facts(line)
    return SshKey(
        user=me,
        kind=facts.kind,
        fingerprint=facts.fingerprint,
        comment=facts.comment[:200],
        line=line,
    )


def remove_ssh_key(*, actor: Actor, key_id: selectors.Identifier) -> SshKey:
    """Forget one of the own keys; guests that have it keep it. Raises NotFound."""
    me, key = _me(actor), selectors.ssh_key(actor, key_id)
    detail = key.fingerprint
    with (
        transaction.atomic(),
        audit.audited(_trail(actor, me, "account.remove-ssh-key", fingerprint=detail)),
    ):
        SshKey.objects.filter(pk=key.pk).delete()
    return key


def sessions(*, actor: Actor) -> tuple[BrowserSession, ...]:
    """List the browsers in which the actor is logged in, this one first, then the newest."""
    me = _me(actor)
    current = actor.session_key if isinstance(actor, Person) else ""
    found = [_browser(row, current) for row in _sessions_of(me)]
    oldest = timezone.make_aware(datetime(1970, 1, 2))  # noqa: DTZ001 - made aware at once
    found.sort(key=lambda each: (each.is_this, each.since or oldest), reverse=True)
    return tuple(found)


def _sessions_of(user: User) -> list[Session]:
    alive = Session.objects.filter(expire_date__gt=timezone.now())
    key = str(user.pk)
    return [row for row in alive if str(row.get_decoded().get("_auth_user_id", "")) == key]


def _browser(row: Session, current: str) -> BrowserSession:
    login = row.get_decoded().get(LOGIN) or {}
    since = login.get("at")
    return BrowserSession(
        mark=_mark(row),
        since=datetime.fromisoformat(since) if since else None,
        address=login.get("address", ""),
        agent=login.get("agent", ""),
        is_this=row.session_key == current,
    )


def _mark(row: Session) -> str:
    """Name a session by a hash: its key is a password and never leaves the cookie."""
    return digest(row.session_key)[:32]


def end_session(*, actor: Actor, mark: str) -> None:
    """Log one of the own browsers out, with its sockets and consoles. Raises NotFound."""
    me = _me(actor)
    chosen = [row for row in _sessions_of(me) if _mark(row) == mark]
    if not chosen:
        raise NotFound("session")
    _end(actor, me, chosen)


def end_other_sessions(*, actor: Actor) -> int:
    """Log out everywhere but here; return how many browsers that were."""
    me = _me(actor)
    current = actor.session_key if isinstance(actor, Person) else ""
    chosen = [row for row in _sessions_of(me) if row.session_key != current]
    if chosen:
        _end(actor, me, chosen)
    return len(chosen)


def _end(actor: Actor, me: User, chosen: list[Session]) -> None:
    trail = _trail(actor, me, "account.end-sessions", sessions=len(chosen))
    with transaction.atomic(), audit.audited(trail):
        Session.objects.filter(pk__in=[row.pk for row in chosen]).delete()
        transaction.on_commit(lambda: publish.rights_changed(str(me.pk)))
