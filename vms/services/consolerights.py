"""Whether open consoles may stay: read from the database for many of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, TypeVar

from django.contrib.sessions.models import Session
from django.db.models import Model, QuerySet
from django.utils import timezone

from vms.models import VM, ConsoleLink, User
from vms.policy import Action, Door, LinkGuest, Person, can
from vms.services import duties, tokens
from vms.services.grants import ConsoleGrant

M = TypeVar("M", bound=Model)


class ConsoleRights:
    """What holds for some open consoles now, in as many queries for one as for two hundred.

    Each kind of row is read when it is first asked for.
    """

    def __init__(self, grants: Iterable[ConsoleGrant]) -> None:
        self._grants = list(grants)

    @cached_property
    def _users(self) -> dict[str, User]:
        return _by_id(User.objects.all(), {each.user_id for each in self._grants})

    @cached_property
    def _links(self) -> dict[str, ConsoleLink]:
        links = ConsoleLink.objects.select_related("made_by")
        return _by_id(links, {each.link_id for each in self._grants})

    @cached_property
    def _vms(self) -> dict[str, VM]:
        return _by_id(VM.objects.defer("xml"), {each.vm_id for each in self._grants})

    @cached_property
    def _sessions(self) -> set[str]:
        return living_sessions({each.session_key for each in self._grants if not each.is_token})

    @cached_property
    def _tokens(self) -> frozenset[str]:
        return tokens.living({each.token_id for each in self._grants})

    @cached_property
    def _busy(self) -> frozenset[str]:
        """People in a browser who must do something else first."""
        browsing = {each.user_id for each in self._grants if not each.is_token}
        return duties.people_with_one(self._users[pk] for pk in browsing & set(self._users))

    def vm(self, grant: ConsoleGrant) -> VM | None:
        """Return the guest of a console; None when it is gone."""
        return self._vms.get(grant.vm_id)

    def actor(self, grant: ConsoleGrant) -> Person | LinkGuest:
        """Return who sits at a console, as he is now; one who is no more may do nothing."""
        if grant.link_id:
            nobody = ConsoleLink(name=grant.user_name, expires_at=timezone.now())
            return LinkGuest(self._links.get(grant.link_id, nobody), grant.address)
        nobody_here = User(username=grant.user_name, is_active=False)
        return Person(self._users.get(grant.user_id, nobody_here), Door.CONSOLE, grant.address)

    def may(self, grant: ConsoleGrant, action: Action) -> bool:
        """Say whether who sits at a console may do that with its guest."""
        vm = self.vm(grant)
        return vm is not None and can(self.actor(grant), action, vm)

    def ending(self, grant: ConsoleGrant) -> str:
        """Say whether a console may stay, as one that watches at least: "" or one of
        deactivated, logged-out, vm-gone, link-ended, revoked.
        """
        actor = self.actor(grant)
        if isinstance(actor, Person):
            if not actor.user.is_active:
                return "deactivated"
            if not self._is_logged_in(grant):
                return "logged-out"
        if self.vm(grant) is None:
            return "vm-gone"
        if self.may(grant, Action.VM_CONSOLE_VIEW):
            return ""
        return "revoked" if isinstance(actor, Person) else "link-ended"

    def _is_logged_in(self, grant: ConsoleGrant) -> bool:
        if grant.is_token:
            return grant.token_id in self._tokens
        return grant.session_key in self._sessions and grant.user_id not in self._busy


def _by_id(rows: QuerySet[M], ids: set[str]) -> dict[str, M]:
    wanted = ids - {""}
    return {str(row.pk): row for row in rows.filter(pk__in=wanted)} if wanted else {}


def living_sessions(keys: set[str]) -> set[str]:
    """Return those browser sessions that still exist and have not expired."""
    wanted = keys - {""}
    rows: QuerySet[Any] = Session.objects.filter(
        session_key__in=wanted, expire_date__gt=timezone.now()
    )
    return set(rows.values_list("session_key", flat=True)) if wanted else set()
