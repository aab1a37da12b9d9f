"""Templates: whether they can be used, and their making, editing and deletion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from vms import messages, selectors
from vms.live import publish
from vms.models import Host, Network, Template, Volume
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, NotFound, Problem
from vms.services import audit, names

MAX_VCPUS = 512
MIN_MEMORY_MIB = 32


@dataclass(frozen=True, slots=True)
class TemplateStatus:
    """Whether guests can be made from a template; `reason` is a sentence, "" when they can."""

    is_valid: bool
    code: str = ""
    reason: str = ""
    image: Volume | None = None


@dataclass(frozen=True, slots=True)
class TemplateDefaults:
    """The values of a template that people choose. Sizes: 0 bytes of disk means that of the
    image.
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


def status(template: Template) -> TemplateStatus:
    """Say whether the template can be used now, from what was last seen on its host."""
    return statuses([template])[template.pk]


def statuses(templates: Iterable[Template]) -> dict[object, TemplateStatus]:
    """`status` of many templates, by primary key, with two queries in all."""
    rows = list(templates)
    hosts = {row.host_id for row in rows}
    images = {
        (image.pool.host_id, image.pool.name, image.name): image
        for image in Volume.objects.select_related("pool").filter(
            pool__host__in=hosts, name__in={row.volume_name for row in rows}
        )
    }
    networks = {
        (network.host_id, network.name): network
        for network in Network.objects.filter(host__in=hosts)
    }
    return {
        row.pk: _status(
            row,
            images.get((row.host_id, row.pool_name, row.volume_name)),
            networks.get((row.host_id, row.network_name)),
        )
        for row in rows
    }


def _status(template: Template, image: Volume | None, network: Network | None) -> TemplateStatus:
    if image is None:
        return _invalid("image-gone", name=template.volume_name, pool=template.pool_name)
    if not image.pool.is_active:
        return _invalid("image-pool-inactive", pool=template.pool_name)
    if template.network_name and network is None:
        return _invalid("network-gone", name=template.network_name)
    if network is not None and not network.is_active:
        return _invalid("network-inactive", name=template.network_name)
    return TemplateStatus(is_valid=True, image=image)


def _invalid(code: str, **params: str) -> TemplateStatus:
    return TemplateStatus(False, code, messages.sentence_for(code, params))


def create(*, actor: Actor, image_id: selectors.Identifier, defaults: TemplateDefaults) -> Template:
    """Make a template from an image in a pool. Raises Forbidden, Invalid."""
    _authorize(actor)
    image = _image_for_template(actor, image_id)
    errors = _problems(defaults, image.pool.host, image)
    if errors:
        raise Invalid(errors)
    template = Template(
        host=image.pool.host,
        image=image,
        pool_name=image.pool.name,
        volume_name=image.name,
        created_by=actor.user if isinstance(actor, Person) else None,
    )
    return _save(actor, template, defaults, "template.create")


def edit(
    *, actor: Actor, template_id: selectors.Identifier, defaults: TemplateDefaults
) -> Template:
    """Change the defaults of a template; guests made from it stay as they are."""
    template = selectors.template(actor, template_id, Action.TEMPLATE_MANAGE)
    errors = _problems(defaults, template.host, status(template).image)
    if errors:
        raise Invalid(errors)
    return _save(actor, template, defaults, "template.edit")


def delete(*, actor: Actor, template_id: selectors.Identifier) -> None:
    """Delete a template; its image and the guests made from it stay."""
    template = selectors.template(actor, template_id, Action.TEMPLATE_MANAGE)
    target = audit.Target("template", str(template.pk), template.name)
    with transaction.atomic(), audit.audited(audit.Trail(actor, "template.delete", target)):
        template.delete()
        transaction.on_commit(lambda: publish.things_changed("templates"))


def _authorize(actor: Actor) -> None:
    if not can(actor, Action.TEMPLATE_CREATE):
        raise Forbidden("forbidden", action=Action.TEMPLATE_CREATE.value)


def _image_for_template(actor: Actor, image_id: selectors.Identifier) -> Volume:
    try:
        image = selectors.image(actor, image_id)
    except NotFound:
        raise Invalid({"image": Problem("unknown-image")}) from None
    if image.is_iso:
        raise Invalid({"image": Problem("image-is-iso")})
    if image.path in selectors.disk_paths_in_use():
        raise Invalid({"image": Problem("image-in-use")})
    return image


def _problems(defaults: TemplateDefaults, host: Host, image: Volume | None) -> dict[str, Problem]:
    errors: dict[str, Problem] = {}
    if problem := names.name_problem(defaults.name):
        errors["name"] = problem
    if names.has_control_characters(defaults.description, allowed="\n\t"):
        errors["description"] = Problem("text-control")
    if len(defaults.description) > 2000:
        errors["description"] = Problem("text-too-long", limit=2000)
    errors |= size_problems(host, defaults.vcpus, defaults.memory_mib)
    if image is not None and 0 < defaults.disk_bytes < image.capacity_bytes:
        smallest = messages.size(image.capacity_bytes)
        errors["disk_bytes"] = Problem("disk-under-image", limit=smallest)
    network = defaults.network_name
    if network and not Network.objects.filter(host=host, name=network).exists():
        errors["network_name"] = Problem("unknown-network", name=network)
    if problem := names.user_problem(defaults.default_user):
        errors["default_user"] = problem
    return errors


def size_problems(host: Host, vcpus: int, memory_mib: int) -> dict[str, Problem]:
    """Check CPUs and memory against what the host has."""
    errors: dict[str, Problem] = {}
    host_cpus = int(host.facts.get("cpus") or MAX_VCPUS)
    host_memory = int(host.facts.get("memory_mib") or 0)
    if vcpus < 1:
        errors["vcpus"] = Problem("too-small", limit=1)
    elif vcpus > host_cpus:
        errors["vcpus"] = Problem("vcpus-over-host", limit=host_cpus)
    if memory_mib < MIN_MEMORY_MIB:
        errors["memory_mib"] = Problem("too-small", limit=f"{MIN_MEMORY_MIB} MiB")
    elif host_memory and memory_mib > host_memory:
        errors["memory_mib"] = Problem("memory-over-host", limit=host_memory)
    return errors


def _save(actor: Actor, template: Template, defaults: TemplateDefaults, action: str) -> Template:
    for field in TemplateDefaults.__dataclass_fields__:
        setattr(template, field, getattr(defaults, field))
    target = audit.Target("template", str(template.pk), template.name)
    try:
        with transaction.atomic(), audit.audited(audit.Trail(actor, action, target)):
            template.save()
            transaction.on_commit(lambda: publish.things_changed("templates"))
    except IntegrityError:
        problem = Problem("template-name-used", name=defaults.name)
        raise Invalid({"name": problem}) from None
    return template
