"""Images from elsewhere: from the catalogue or from an address, downloaded, verified, brought in.

Asking is a service; `run` is the work of the job.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from vms import selectors
from vms.hypervisor.types import VolumeInfo
from vms.imaging import addresses, catalogue, checksums, fetch, formats, unpack
from vms.imaging.addresses import Rules
from vms.imaging.catalogue import Entry
from vms.models import ImageSource, Job, Pool, Volume
from vms.policy import Action, Actor, Person, SystemActor, can
from vms.problems import Forbidden, Invalid, Problem, Refused
from vms.services import hosts, importing, incoming, jobs, templates
from vms.services.importing import Params
from vms.services.job_kinds import runs
from vms.services.templates import TemplateDefaults

log = structlog.get_logger(__name__)

FETCH = "fetch-image"
STEPS = importing.STEPS + 2
MOST_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class UrlRequest:
    """An image at an address. `filename` "" stands for the last part of the address."""

    url: str
    pool_id: selectors.Identifier = ""
    checksum: str = ""
    filename: str = ""


def entries(*, actor: Actor) -> tuple[Entry, ...]:
    """Return the catalogue, for those who may use it. Raises Forbidden, Problem for a bad file."""
    _authorize(actor)
    try:
        return catalogue.load(settings.KVMWEB.catalogue)
    except catalogue.CatalogueError as error:
        raise Problem("catalogue-unreadable", detail=str(error)[:300]) from error


def from_url(*, actor: Actor, request: UrlRequest) -> Job:
    """Enqueue the download of an image. Raises Forbidden, Invalid, Refused."""
    _authorize(actor, Action.IMAGE_FETCH_URL)
    errors: dict[str, Problem] = {}
    checksum = filename = ""
    try:
        parts = addresses.parse(request.url)
        filename = request.filename or parts.path.rpartition("/")[2]
        formats.declared(filename)
    except Problem as problem:
        at = "filename" if problem.code == "image-name" and request.filename else "url"
        errors[at] = problem
    try:
        checksum = str(checksums.parse(request.checksum)) if request.checksum else ""
    except Problem as problem:
        errors["checksum"] = problem
    pool = importing.pool_for(actor, request.pool_id)
    if pool is None:
        errors["pool"] = Problem("unknown-pool")
    if errors or pool is None:
        raise Invalid(errors)
    params = Params(
        pool_id=str(pool.pk),
        filename=filename[:255],
        source=ImageSource.URL.value,
        origin=_without_query(request.url),
        checksum=checksum,
        is_verified=bool(checksum),
        more={"url": request.url},
    )
    return _request(actor, pool, params)


def from_catalogue(
    *,
    actor: Actor,
    entry_id: str,
    pool_id: selectors.Identifier = "",
    makes_template: bool = True,
) -> Job:
    """Enqueue the download of an image of the catalogue, and a template of it.

    Raises Forbidden, Invalid, Refused.
    """
    entry = next((each for each in entries(actor=actor) if each.id == entry_id), None)
    if entry is None:
        raise Invalid({"entry": Problem("unknown-image")})
    pool = importing.pool_for(actor, pool_id)
    if pool is None:
        raise Invalid({"pool": Problem("unknown-pool")})
    more: dict[str, Any] = {"url": entry.url, "checksum_url": entry.checksum_url}
    if makes_template:
        more["template"] = entry.id
    params = Params(
        pool_id=str(pool.pk),
        filename=entry.filename,
        source=ImageSource.CATALOGUE.value,
        origin=entry.url,
        is_verified=True,
        os_id=entry.os_id,
        arch=entry.arch,
        more=more,
    )
    return _request(actor, pool, params)


def _authorize(actor: Actor, action: Action = Action.IMAGE_ADD) -> None:
    if not can(actor, action):
        raise Forbidden("forbidden", action=action.value)


def _request(actor: Actor, pool: Pool, params: Params) -> Job:
    hosts.require_connected(pool.host)
    incoming.require_room(1)
    under_way = Job.objects.filter(kind=FETCH, state__in=("queued", "running"))
    if under_way.count() >= MOST_AT_ONCE:
        raise Refused("too-many-downloads", limit=MOST_AT_ONCE)
    if under_way.filter(params__origin=params.origin, params__pool_id=params.pool_id).exists():
        raise Refused("download-under-way", name=params.filename)
    with transaction.atomic():
        return importing.request(
            actor=actor, kind=FETCH, file_id=uuid.uuid4(), params=params, pool=pool, steps=STEPS
        )


def _again(actor: Actor, job: Job) -> Job:
    """Ask for the same download once more."""
    params = Params(**job.params)
    is_url = params.source == ImageSource.URL
    _authorize(actor, Action.IMAGE_FETCH_URL if is_url else Action.IMAGE_ADD)
    pool = importing.pool_for(actor, params.pool_id)
    if pool is None:
        raise Refused("unknown-pool")
    return _request(actor, pool, params)


def _without_query(url: str) -> str:
    """Leave out what may hold a secret."""
    return url.partition("?")[0].partition("#")[0]


def rules() -> Rules:
    """Return which addresses may be asked here."""
    return Rules.of(settings.KVMWEB.download_allow, settings.KVMWEB.download_deny)


@runs(FETCH, again=_again)
def run(job: Job) -> None:
    """Download, verify, bring in, and offer a template."""
    params = Params(**job.params)
    jobs.step(job, "download", 0)
    checksum = params.checksum or _published(params)
    target = incoming.path_of(str(job.target_id))
    with unpack.in_folder(incoming.folder()):
        fetch.download(
            params.more["url"],
            target,
            limit_bytes=incoming.most_bytes(),
            rules=rules(),
            progress=lambda done, total: jobs.progress(job, done, total),
        )
    volume = importing.bring_in(job, replace(params, checksum=checksum), steps_before=1)
    if params.more.get("template"):
        jobs.advance(job, "template", STEPS - 1)
        _make_template(job, params, volume)


def _published(params: Params) -> str:
    """Return the checksum that the project publishes, "" where none was asked for."""
    url = params.more.get("checksum_url", "")
    if not url:
        return ""
    text = fetch.text(url, limit_bytes=checksums.MAX_BYTES, rules=rules())
    return str(checksums.find(text, addresses.parse(params.more["url"]).path.rpartition("/")[2]))


def _make_template(job: Job, params: Params, volume: VolumeInfo) -> None:
    """Offer a template with the catalogue's defaults; the image stays if that cannot be."""
    image = (
        Volume.objects.filter(pool_id=params.pool_id, pool__name=volume.pool, name=volume.name)
        .select_related("pool__host")
        .first()
    )
    entry = next(
        (e for e in catalogue.load(settings.KVMWEB.catalogue) if e.id == params.more["template"]),
        None,
    )
    if image is None or entry is None:
        return
    actor: Actor = Person(job.actor) if job.actor else SystemActor()
    try:
        templates.create(actor=actor, image_id=image.pk, defaults=_defaults(entry, image))
    except Problem as problem:
        log.warning("template-not-made", image=volume.name, code=problem.code)


def _defaults(entry: Entry, image: Volume) -> TemplateDefaults:
    host = image.pool.host
    memory = int(host.facts.get("memory_mib") or entry.memory_mib)
    return TemplateDefaults(
        name=templates.free_name(entry.name),
        os_name=entry.name,
        memory_mib=min(entry.memory_mib, memory),
        disk_bytes=max(entry.disk_bytes, image.capacity_bytes),
        network_name=templates.usual_network(host),
        has_cloud_init=True,
        default_user=entry.user,
    )
