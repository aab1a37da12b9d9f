"""Templates: their making, editing and deletion. Guests made from one stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.conf import settings
from django.db import IntegrityError, transaction

from vms import messages, selectors
from vms.hypervisor.blueprint import (
    Blueprint,
    CloudPlan,
    DiskOrigin,
    SourceKind,
    as_json,
    with_first_disk,
    with_first_network,
)
from vms.live import publish
from vms.models import Host, Job, Network, Pool, Template, Volume
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, NotFound, Problem
from vms.services import audit, cloud, fitting, names, template_access, versions
from vms.services.fitting import MAX_VCPUS, MIN_MEMORY_MIB, size_problems
from vms.services.readiness import TemplateStatus, status, statuses

__all__ = [
    "MAX_VCPUS",
    "MIN_MEMORY_MIB",
    "TemplateContent",
    "TemplateDefaults",
    "TemplateStatus",
    "create",
    "delete",
    "edit",
    "edit_whole",
    "free_name",
    "make",
    "possible_hosts",
    "size_problems",
    "status",
    "statuses",
    "usual_network",
]

MAX_DESCRIPTION = 2000


@dataclass(frozen=True, slots=True)
class TemplateContent:
    """Everything of a template that people choose, but its image."""

    name: str
    blueprint: Blueprint
    description: str = ""
    os_name: str = ""
    icon: str = "linux"


@dataclass(frozen=True, slots=True)
class TemplateDefaults:
    """The few values that most templates of a disk image are made of. Sizes: 0 bytes of disk means
    that of the image.
    """

    name: str
    description: str = ""
    os_name: str = ""
    vcpus: int = 1
    memory_mib: int = 1024
    disk_bytes: int = 0
    network_name: str = ""
    has_cloud_init: bool = True
    default_user: str = ""
    icon: str = "linux"

    def content(self, base: Blueprint | None = None) -> TemplateContent:
        """Return the whole: these values, and those of `base` for all that they do not say."""
        blueprint = base or Blueprint()
        told = blueprint.cloud if base else CloudPlan()
        sized = replace(
            blueprint,
            vcpus=self.vcpus,
            memory_mib=self.memory_mib,
            cloud=replace(told, is_read=self.has_cloud_init, user=self.default_user),
        )
        whole = with_first_network(
            with_first_disk(sized, size_bytes=self.disk_bytes), self.network_name
        )
        return TemplateContent(self.name, whole, self.description, self.os_name, self.icon)


def create(*, actor: Actor, image_id: selectors.Identifier, defaults: TemplateDefaults) -> Template:
    """Make a template from a disk image in a pool. Raises Forbidden, Invalid."""
    return make(actor=actor, content=defaults.content(), image_id=image_id)


def make(
    *,
    actor: Actor,
    content: TemplateContent,
    image_id: selectors.Identifier | None = None,
    host_id: selectors.Identifier | None = None,
    job: Job | None = None,
) -> Template:
    """Make a template from a disk image or an ISO; from neither, on that host, to boot from the
    network. Raises Forbidden, Invalid.

    `job` is the one under way that has made the image, where there is one.
    """
    _authorize(actor)
    image = _image(actor, image_id, content.blueprint.source, job)
    host = image.pool.host if image else _host(actor, host_id)
    content = content if image else _placed(content, host)
    if errors := _problems(content, host, image):
        raise Invalid(errors)
    template = Template(
        host=host, number=0, created_by=actor.user if isinstance(actor, Person) else None
    )
    return _save(actor, template, content, image, "template.create")


def edit(
    *, actor: Actor, template_id: selectors.Identifier, defaults: TemplateDefaults
) -> Template:
    """Change the few values of a template; what they do not say stays."""
    template = selectors.template(actor, template_id, Action.TEMPLATE_MANAGE)
    return edit_whole(actor=actor, template_id=template_id, content=defaults.content(template.plan))


def edit_whole(
    *,
    actor: Actor,
    template_id: selectors.Identifier,
    content: TemplateContent,
    image_id: selectors.Identifier | None = None,
) -> Template:
    """Change a template, its image too where one is given. Raises Invalid.

    Each change is a version of its own; nothing of guests made from former ones changes.
    """
    template = selectors.template(actor, template_id, Action.TEMPLATE_MANAGE)
    now = status(template).image
    image = now if image_id is None else _image(actor, image_id, content.blueprint.source)
    if image is not None and image.pool.host_id != template.host_id:
        raise Invalid({"image": Problem("unknown-image")})
    if errors := _problems(content, template.host, image):
        raise Invalid(errors)
    replaced = image if image_id is not None else None
    return _save(actor, template, content, replaced, "template.edit")


def delete(*, actor: Actor, template_id: selectors.Identifier) -> None:
    """Delete a template; its image and the guests made from it stay."""
    template = selectors.template(actor, template_id, Action.TEMPLATE_MANAGE)
    target = audit.Target("template", str(template.pk), template.name)
    with transaction.atomic(), audit.audited(audit.Trail(actor, "template.delete", target)):
        template.delete()
        transaction.on_commit(lambda: publish.things_changed("templates"))


def free_name(name: str) -> str:
    """Return the name, with a number behind it where a template has it already."""
    taken = set(Template.objects.filter(name__startswith=name).values_list("name", flat=True))
    numbered = (f"{name} ({number})" for number in range(2, len(taken) + 3))
    return next(each for each in (name, *numbered) if each not in taken)


def usual_network(host: Host) -> str:
    """Return the network of the first start, or else any that is there, "" for none."""
    found = list(Network.objects.filter(host=host, is_active=True).values_list("name", flat=True))
    usual = str(settings.KVMWEB.network)
    return usual if usual in found else next(iter(found), "")


def using(host: Host, *, pool: str, volume: str) -> Template | None:
    """Return a template that guests are made from that volume with, as image or further disk."""
    rows = Template.objects.filter(host=host)
    return next((row for row in rows if (pool, volume) in row.sources), None)


def _authorize(actor: Actor) -> None:
    if not can(actor, Action.TEMPLATE_CREATE):
        raise Forbidden("forbidden", action=Action.TEMPLATE_CREATE.value)


def _placed(content: TemplateContent, host: Host) -> TemplateContent:
    """Put disks that have no image to stand beside into the usual pool of this installation."""
    usual = str(settings.KVMWEB.pool)
    if not Pool.objects.filter(host=host, name=usual).exists():
        return content
    plan = content.blueprint
    disks = tuple(replace(disk, pool=disk.pool or usual) for disk in plan.disks)
    return replace(content, blueprint=replace(plan, disks=disks))


def possible_hosts(*, actor: Actor) -> list[Host]:
    """List the hosts that the actor sees anything of that a template is made of."""
    images = selectors.images(actor).values_list("pool__host", flat=True)
    networks = selectors.networks(actor).values_list("host", flat=True)
    return list(Host.objects.filter(pk__in={*images, *networks}))


def _host(actor: Actor, host_id: selectors.Identifier | None) -> Host:
    for host in possible_hosts(actor=actor):
        if str(host.pk) == str(host_id):
            return host
    raise Invalid({"host": Problem("required")})


def _image(
    actor: Actor,
    image_id: selectors.Identifier | None,
    source: SourceKind,
    job: Job | None = None,
) -> Volume | None:
    if source is SourceKind.NETWORK:
        return None
    if not image_id:
        raise Invalid({"image": Problem("required")})
    try:
        image = selectors.image(actor, image_id)
    except NotFound:
        raise Invalid({"image": Problem("unknown-image")}) from None
    if image.is_iso is not (source is SourceKind.ISO):
        raise Invalid({"image": Problem("image-is-iso" if image.is_iso else "image-is-no-iso")})
    if (str(image.pool.host_id), image.pool.name, image.name) in selectors.volumes_being_made(
        but=job
    ):
        raise Invalid({"image": Problem("image-being-made")})
    if image.path in selectors.disk_paths_in_use() and not image.is_iso:
        raise Invalid({"image": Problem("image-in-use")})
    return image


def _problems(content: TemplateContent, host: Host, image: Volume | None) -> dict[str, Problem]:
    blueprint, errors = content.blueprint, _text_problems(content)
    errors |= size_problems(host, blueprint.vcpus, blueprint.memory_mib)
    stock = fitting.stocks_of([host], {disk.source_volume for disk in blueprint.disks})[host.pk]
    main_pool = image.pool.name if image else ""
    for key, problem in fitting.shortfalls(blueprint, stock, main_pool):
        errors.setdefault(key, problem)
    if image is not None and blueprint.source is SourceKind.IMAGE:
        errors |= _under_image(blueprint, image)
    if wrong := names.user_problem(blueprint.cloud.user):
        errors["default_user"] = wrong
    return errors | _cloud_problems(blueprint.cloud)


def _cloud_problems(plan: CloudPlan) -> dict[str, Problem]:
    """Check it as for a guest: a password in clear text is kept nowhere."""
    return cloud.problems(
        cloud.CloudWish(
            packages=plan.packages,
            timezone=plan.timezone,
            locale=plan.locale,
            user_data=plan.user_data,
        )
    )


def _under_image(blueprint: Blueprint, image: Volume) -> dict[str, Problem]:
    limit = messages.size(image.capacity_bytes)
    return {
        fitting.disk_key(index, "size_bytes"): Problem("disk-under-image", limit=limit)
        for index, disk in enumerate(blueprint.disks)
        if not disk.source_volume
        and disk.origin is not DiskOrigin.BLANK
        and 0 < disk.size_bytes < image.capacity_bytes
    }


def _text_problems(content: TemplateContent) -> dict[str, Problem]:
    errors: dict[str, Problem] = {}
    if problem := names.name_problem(content.name):
        errors["name"] = problem
    if names.has_control_characters(content.description, allowed="\n\t"):
        errors["description"] = Problem("text-control")
    if len(content.description) > MAX_DESCRIPTION:
        errors["description"] = Problem("text-too-long", limit=MAX_DESCRIPTION)
    return errors


def _save(
    actor: Actor, template: Template, content: TemplateContent, image: Volume | None, action: str
) -> Template:
    """Write the template and its new version; `image` None leaves the one that it has."""
    template.name, template.description = content.name, content.description
    template.os_name, template.icon = content.os_name, content.icon
    template.blueprint = as_json(content.blueprint)
    if image is not None:
        template.image, template.pool_name, template.volume_name = (
            image,
            image.pool.name,
            image.name,
        )
    if content.blueprint.source is SourceKind.NETWORK:
        template.image, template.pool_name, template.volume_name = None, "", ""
    target = audit.Target("template", str(template.pk), template.name)
    try:
        with transaction.atomic(), audit.audited(audit.Trail(actor, action, target)):
            versions.record(actor, template)
            if action == "template.create":
                template_access.begin(actor, template)
            transaction.on_commit(lambda: publish.things_changed("templates"))
    except IntegrityError:
        problem = Problem("template-name-used", name=content.name)
        raise Invalid({"name": problem}) from None
    return template
