"""Scoped reads for all doors: fetching an object is the permission check.

Unknown and forbidden are both `NotFound`. Nothing here writes or talks to a host.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Count, Exists, Model, OuterRef, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from vms import standing
from vms.models import (
    VM,
    ApiToken,
    AuditEntry,
    AuditPhase,
    ConsoleLink,
    Host,
    HostStatus,
    Job,
    Network,
    Pool,
    Recording,
    SshKey,
    Template,
    Upload,
    User,
    Volume,
)
from vms.models.host import SEED_NAME
from vms.models.job import OPEN_STATES
from vms.policy import VIEW_ACTIONS, Action, Actor, Person, can, visible
from vms.problems import Forbidden, NotFound

M = TypeVar("M", bound=Model)
Identifier = uuid.UUID | str
JOINED = ("owner", "template", "lease")
LISTED = (
    "name",
    "state",
    "state_reason",
    "revision",
    "addresses",
    "tags",
    "has_vnc",
    "template_name",
    "owner__username",
    "template__os_name",
    "lease__expires_at",
    "lease__grace_days",
)


def fetch(actor: Actor, rows: QuerySet[M], pk: Identifier, action: Action | None) -> M:
    """Fetch one visible row and ask for `action`; the view action of its model when None."""
    kind = rows.model._meta.model_name or "thing"
    try:
        key = uuid.UUID(str(pk))
    except ValueError:
        raise NotFound(kind) from None
    thing = visible(actor, rows).filter(pk=key).first()
    if thing is None:
        raise NotFound(kind)
    wanted = action or VIEW_ACTIONS[rows.model]
    if not can(actor, wanted, thing):
        raise Forbidden("forbidden", action=wanted.value)
    return thing


def vms(actor: Actor) -> QuerySet[VM]:
    """Guests the actor may see, with owner, host, template and the job under way; no XML."""
    open_jobs = Prefetch(
        "jobs",
        queryset=Job.objects.select_related("actor").filter(state__in=OPEN_STATES),
        to_attr="open_jobs",
    )
    rows = VM.objects.defer("xml").select_related("owner", "host", "template", "lease")
    return visible(actor, rows).prefetch_related(open_jobs).order_by("name", "id")


def listed_vms(actor: Actor, ids: Iterable[str] | None = None) -> list[VM]:
    """The same guests, all or those of `ids`, with no more than a row of a list shows.

    Two queries, and one for what others share with the actor. On a thousand guests the other
    columns, and a prefetch that names every guest to find two jobs, take a third of the page's
    time.
    """
    rows = VM.objects.select_related(*JOINED).only(*LISTED).order_by("name", "id")
    rows = visible(actor, rows if ids is None else rows.filter(pk__in=ids))
    guests = list(rows)
    if isinstance(actor, Person):
        standing.remember(actor.user, guests)
    jobs: defaultdict[uuid.UUID | None, list[Job]] = defaultdict(list)
    for job in Job.objects.filter(state__in=OPEN_STATES):
        jobs[job.vm_id].append(job)
    for guest in guests:
        guest.open_jobs = jobs[guest.pk]  # type: ignore[attr-defined]  # as the prefetch of vms()
    return guests


def vm(actor: Actor, pk: Identifier, action: Action | None = None) -> VM:
    """Fetch one guest for `action` (default: to look at it)."""
    rows = VM.objects.select_related("owner", "host", "template", "lease")
    return fetch(actor, rows, pk, action)


def visible_vm_ids(actor: Actor) -> frozenset[str]:
    """Ids of the guests that the actor may see, as texts."""
    return frozenset(
        str(pk) for pk in visible(actor, VM.objects.all()).values_list("pk", flat=True)
    )


def templates(actor: Actor) -> QuerySet[Template]:
    """Templates the actor may use."""
    return visible(actor, Template.objects.select_related("host", "image", "image__pool"))


def template(actor: Actor, pk: Identifier, action: Action | None = None) -> Template:
    """Fetch one template."""
    rows = Template.objects.select_related("host", "image", "image__pool")
    return fetch(actor, rows, pk, action)


def hosts(actor: Actor) -> QuerySet[Host]:
    """Hosts the actor may look into."""
    return visible(actor, Host.objects.all())


def away_hosts(actor: Actor) -> QuerySet[Host]:
    """Hosts that do not answer now, among those that the actor looks into or has guests on."""
    rows = Host.objects.filter(status=HostStatus.AWAY)
    if can(actor, Action.HOST_VIEW):
        return rows
    return rows.filter(vms__in=visible(actor, VM.objects.all())).distinct()


def host(actor: Actor, pk: Identifier) -> Host:
    """Fetch one host."""
    return fetch(actor, Host.objects.all(), pk, None)


def pools(actor: Actor) -> QuerySet[Pool]:
    """Storage pools the actor may look into."""
    return visible(actor, Pool.objects.select_related("host"))


def measured_pools(actor: Actor) -> QuerySet[Pool]:
    """The same pools with `promised_bytes`, all that their volumes may grow to, and
    `volume_count`.
    """
    return pools(actor).annotate(
        promised_bytes=Coalesce(Sum("volumes__capacity_bytes"), 0),
        volume_count=Count("volumes"),
    )


def pool(actor: Actor, pk: Identifier, action: Action | None = None) -> Pool:
    """Fetch one pool."""
    return fetch(actor, Pool.objects.select_related("host"), pk, action)


def volumes(actor: Actor) -> QuerySet[Volume]:
    """Every volume of the pools that the actor may look into."""
    return Volume.objects.select_related("pool", "pool__host").filter(pool__in=pools(actor))


def volume(actor: Actor, pk: Identifier, action: Action | None = None) -> Volume:
    """Fetch one volume of a pool that the actor may look into."""
    try:
        key = uuid.UUID(str(pk))
    except ValueError:
        raise NotFound("volume") from None
    found = volumes(actor).filter(pk=key).first()
    if found is None:
        raise NotFound("volume")
    if action is not None and not can(actor, action, found):
        raise Forbidden("forbidden", action=action.value)
    return found


def networks(actor: Actor) -> QuerySet[Network]:
    """Virtual networks the actor may look into."""
    return visible(actor, Network.objects.select_related("host"))


def disk_paths_in_use() -> frozenset[str]:
    """Every file that is a disk of some guest; files under an overlay are not among them."""
    return frozenset(
        path for paths in VM.objects.values_list("disk_paths", flat=True) for path in paths
    )


def images(actor: Actor) -> QuerySet[Volume]:
    """Volumes that a template can be made from, and ISOs: whatever is whole and has no backing file
    of its own.
    """
    rows = Volume.objects.select_related("pool", "pool__host").filter(backing_path="")
    for host, pool, name in volumes_being_made():
        rows = rows.exclude(pool__host_id=host, pool__name=pool, name=name)
    return visible(actor, rows.exclude(name__regex=SEED_NAME))


def isos(actor: Actor, host_id: Identifier) -> QuerySet[Volume]:
    """ISOs that can be inserted into a guest of that host."""
    return images(actor).filter(format="iso", pool__host_id=host_id)


def image(actor: Actor, pk: Identifier) -> Volume:
    """Fetch one image."""
    return fetch(actor, Volume.objects.select_related("pool", "pool__host"), pk, None)


def uploads(actor: Actor) -> QuerySet[Upload]:
    """Files on their way in that the actor may go on with, oldest first."""
    return visible(actor, Upload.objects.select_related("pool", "pool__host", "user"))


def upload(actor: Actor, pk: Identifier) -> Upload:
    """Fetch one file on its way in."""
    return fetch(actor, Upload.objects.select_related("pool", "pool__host", "user"), pk, None)


def volumes_being_made(*, but: Job | None = None) -> frozenset[tuple[str, str, str]]:
    """Host, pool and name of every volume that a job under way makes: it is not whole yet.

    `but` is a job that knows its own to be whole.
    """
    under_way = Job.objects.filter(state__in=OPEN_STATES).exclude(undo=[])
    others = under_way.exclude(pk=but.pk) if but else under_way
    notes = others.values_list("undo", flat=True)
    return frozenset(
        (note[1], note[2], note[3]) for each in notes for note in each if note[0] == "volume"
    )


def jobs(actor: Actor) -> QuerySet[Job]:
    """Jobs the actor may see, newest first."""
    return visible(actor, Job.objects.select_related("actor", "vm")).distinct()


def job(actor: Actor, pk: Identifier, action: Action | None = None) -> Job:
    """Fetch one job."""
    return fetch(actor, Job.objects.select_related("actor", "vm"), pk, action)


def console_links(actor: Actor, guest: VM) -> QuerySet[ConsoleLink]:
    """Links to a guest's consoles, for those who may share it, newest first."""
    return visible(actor, guest.console_links.select_related("made_by"))


def console_link(actor: Actor, pk: Identifier) -> ConsoleLink:
    """Fetch one link to a console."""
    return fetch(actor, ConsoleLink.objects.select_related("vm", "vm__owner"), pk, None)


def recordings(actor: Actor) -> QuerySet[Recording]:
    """Recordings the actor may replay, newest first."""
    return visible(actor, Recording.objects.select_related("vm"))


def recording(actor: Actor, pk: Identifier, action: Action | None = None) -> Recording:
    """Fetch one recording for `action` (default: to replay it)."""
    return fetch(actor, Recording.objects.select_related("vm", "vm__host"), pk, action)


def people(actor: Actor) -> QuerySet[User]:
    """Accounts, for those who look after them."""
    return visible(actor, User.objects.all())


def person_to_look_at(actor: Actor, pk: Identifier) -> User:
    """Fetch one account, to look at it."""
    return fetch(actor, User.objects.all(), pk, None)


def person(actor: Actor, pk: Identifier) -> User:
    """Fetch one account, to change it."""
    return fetch(actor, User.objects.all(), pk, Action.PEOPLE_MANAGE)


def ssh_keys(actor: Actor) -> QuerySet[SshKey]:
    """The actor's own keys, whatever else he may see."""
    return visible(actor, _own(actor, SshKey.objects.all()))


def ssh_key(actor: Actor, pk: Identifier) -> SshKey:
    """Fetch one of the actor's own keys."""
    return fetch(actor, _own(actor, SshKey.objects.all()), pk, None)


def tokens(actor: Actor) -> QuerySet[ApiToken]:
    """The actor's own tokens that were not revoked, newest first; expired ones are among them."""
    rows = _own(actor, ApiToken.objects.filter(revoked_at=None))
    return visible(actor, rows).order_by("-created_at", "id")


def token(actor: Actor, pk: Identifier) -> ApiToken:
    """Fetch one token that was not revoked; of those who manage people, anybody's."""
    rows = ApiToken.objects.select_related("user").filter(revoked_at=None)
    return fetch(actor, rows, pk, None)


def _own(actor: Actor, rows: QuerySet[M]) -> QuerySet[M]:
    return rows.filter(user=actor.user) if isinstance(actor, Person) else rows.none()


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines of the audit trail; what is empty lets everything through.

    `since` is the first moment, `until` the first that no longer counts. `text` is looked for in
    the names of person and target, the id of the target, the address and the command.
    """

    person: str = ""
    action: str = ""
    phase: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


def audit(actor: Actor, wanted: AuditFilter) -> QuerySet[AuditEntry]:
    """Audit lines, newest first, without requests whose outcome is a line of its own.

    Raises Forbidden for those who may not look into the trail.
    """
    if not can(actor, Action.AUDIT_VIEW):
        raise Forbidden("forbidden", action=Action.AUDIT_VIEW.value)
    same = AuditEntry.objects.filter(correlation=OuterRef("correlation"))
    outcome = same.exclude(phase=AuditPhase.REQUESTED)
    rows = visible(actor, AuditEntry.objects.all())
    rows = rows.filter(~Q(phase=AuditPhase.REQUESTED) | ~Exists(outcome))
    return _filtered(rows, wanted).order_by("-id")


def _filtered(rows: QuerySet[AuditEntry], wanted: AuditFilter) -> QuerySet[AuditEntry]:
    exact = {"actor_name": wanted.person, "action": wanted.action, "phase": wanted.phase}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(at__lt=wanted.until)
    if not wanted.text:
        return rows
    columns = ("actor_name", "target_name", "target_id", "address", "command")
    parts = [Q(**{f"{column}__icontains": wanted.text}) for column in columns]
    found = parts[0]
    for part in parts[1:]:
        found |= part
    return rows.filter(found)


def vm_history(actor: Actor, guest: VM, limit: int = 20) -> list[AuditEntry]:
    """Latest audit lines about a guest, for those who may see it."""
    if not can(actor, Action.VM_VIEW, guest):
        return []
    return list(AuditEntry.objects.filter(target_kind="vm", target_id=str(guest.pk))[:limit])
