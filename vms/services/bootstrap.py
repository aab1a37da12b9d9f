"""Make an installation usable: host, pool, network, first administrator, first template.

Everything can be repeated: what is there already stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from vms.hypervisor import images, networks, storage
from vms.hypervisor.errors import HypervisorError, VolumeExists
from vms.hypervisor.types import Accelerator
from vms.models import AuditEntry, Host, Role, Template, User, Volume
from vms.policy import SystemActor
from vms.services import hosts, people, survey, templates
from vms.services.templates import TemplateDefaults

TINY_NAME = "Tiny Linux"
FIRST_NAME = "admin"
GIB = 1 << 30
FIRST_FACTS_S = 90.0
"""A libvirtd that was just started asks every QEMU what it can do before it answers."""


@dataclass(slots=True)
class Report:
    """What the set-up could not do."""

    problems: list[HypervisorError] = field(default_factory=list)


def first_administrator() -> tuple[User, str] | None:
    """Make the account `admin` with a one-time password unless there is an administrator."""
    if User.objects.filter(role=Role.ADMINISTRATOR).exists():
        return None
    return people.add(actor=SystemActor(), username=FIRST_NAME, role=Role.ADMINISTRATOR)


def prepare_host(report: Report) -> Host:
    """Register the host of KVMWEB_LIBVIRT_URI and see that its pool and network run."""
    config = settings.KVMWEB
    host = hosts.ensure(uri=config.libvirt_uri, name=hosts.name_from(config.libvirt_uri))
    _try(report, lambda: survey.facts(host, timeout_s=FIRST_FACTS_S))
    if host.facts.get("accelerator") != Accelerator.TEST:
        link = hosts.connection(host)
        _try(report, lambda: storage.ensure_dir_pool(link, config.pool, str(config.pool_path)))
        _try(report, lambda: networks.ensure_started(link, config.network))
    _try(report, lambda: survey.everything(host))
    return host


def _try(report: Report, action: Callable[[], object]) -> None:
    try:
        action()
    except HypervisorError as error:
        report.problems.append(error)


def offer_tiny_linux(host: Host, image: Path) -> Template | None:
    """Bring the image of Tiny Linux into the pool and offer it as a template, once.

    An administrator who deleted the template does not get it back. Raises host errors.
    """
    image = image.resolve()
    known = AuditEntry.objects.filter(action="template.create", target_name=TINY_NAME)
    if known.exists() or Template.objects.filter(name=TINY_NAME).exists():
        return None
    volume = _bring_in(host, image)
    defaults = TemplateDefaults(
        name=TINY_NAME,
        description=(
            "A very small Linux, built on this host from its distribution's packages. It boots in "
            "seconds and shows that everything works."
        ),
        os_name="Tiny Linux",
        vcpus=1,
        memory_mib=256,
        disk_bytes=GIB,
        network_name=settings.KVMWEB.network,
        has_cloud_init=True,
        default_user="tiny",
    )
    return templates.create(actor=SystemActor(), image_id=volume.pk, defaults=defaults)


def _bring_in(host: Host, image: Path) -> Volume:
    pool = settings.KVMWEB.pool
    name = f"tiny-linux-{hashlib.sha256(image.read_bytes()).hexdigest()[:12]}.qcow2"
    link = hosts.connection(host)
    with suppress(VolumeExists):
        storage.upload_file(
            link,
            pool=pool,
            name=name,
            format="qcow2",
            path=image,
            capacity_bytes=images.qemu_img_info(image).virtual_size_bytes,
        )
    survey.storage_of(host)
    return Volume.objects.get(pool__host=host, pool__name=pool, name=name)
