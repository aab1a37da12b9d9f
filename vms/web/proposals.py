"""What is proposed for the image that a new template starts from, put into its form.

Stateless: the form says for what the last proposal was, so that a value which differs from that is
known as typed, and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from vms import messages
from vms.hypervisor.blueprint import Blueprint, SourceKind
from vms.policy import Person
from vms.problems import NotFound
from vms.services import proposals
from vms.services.proposals import ProposedTemplate
from vms.services.templates import TemplateContent
from vms.web import choices
from vms.web.forms.fields import to_gib

Values = Mapping[str, object]
TYPED = frozenset({"name", "os_name", "vcpus", "memory_mib", "disk_gib"})
"""Fields that nobody filled in while they are empty."""


@dataclass(frozen=True, slots=True)
class ProposalNote:
    """What the page says of a proposal."""

    image: str
    system: str
    """"" where it is not recognised."""
    proposed: tuple[str, ...]
    lacks: tuple[str, ...]
    """Sentences about what the host has not."""
    kept: tuple[str, ...] = ()
    """Names of the fields that stay as they were typed."""


def first_values(actor: Person, image_id: str) -> tuple[dict[str, object], ProposalNote | None]:
    """Return the values of an empty form for that image, and what to say of them."""
    found = _find(actor, image_id)
    if found is None:
        return {}, None
    kind = found.content.blueprint.source.value
    chosen = {"source": kind, kind: image_id, "proposed_for": image_id}
    return {**_values(found), **chosen}, _note(found)


def again(actor: Person, data: QueryDict) -> tuple[QueryDict, ProposalNote | None]:
    """Put what is proposed for the chosen image into a form that was sent; what was typed stays."""
    kind = data.get("source") or SourceKind.IMAGE.value
    chosen = data.get(kind, "") if kind != SourceKind.NETWORK else ""
    before = _values(_find(actor, data.get("proposed_for", "")))
    found = _find(actor, chosen)
    fresh, kept = data.copy(), []
    for name, value in _values(found).items():
        sent, proposed = data.get(name, ""), _sent(value)
        if sent == _sent(before[name]) or (not sent and name in TYPED):
            _put(fresh, name, proposed)
        elif sent != proposed:
            kept.append(name)
    fresh["proposed_for"] = chosen if found else ""
    return fresh, _note(found, tuple(kept)) if found else None


def _find(actor: Person, image_id: str) -> ProposedTemplate | None:
    try:
        return proposals.for_image(actor=actor, image_id=image_id) if image_id else None
    except NotFound:
        return None


def _values(found: ProposedTemplate | None) -> dict[str, object]:
    """Return values by field; those of an empty form for None."""
    content = found.content if found else TemplateContent("", Blueprint())
    plan, hardware = content.blueprint, content.blueprint.hardware
    disk = plan.disks[0]
    return {
        "name": content.name,
        "os_name": content.os_name,
        "vcpus": plan.vcpus,
        "memory_mib": plan.memory_mib,
        "disk_gib": to_gib(disk.size_bytes) if disk.size_bytes else "",
        "network_name": plan.nics[0].network if plan.nics else "",
        "has_cloud_init": plan.cloud.is_read,
        "machine": hardware.machine.value,
        "firmware": hardware.firmware.value,
        "has_tpm": hardware.has_tpm,
        "video": hardware.video.value,
        "disk_0_bus": disk.bus.value,
        "nic_0_model": plan.nics[0].model.value if plan.nics else "virtio",
    }


def _sent(value: object) -> str:
    """Write a value as a browser sends it."""
    if isinstance(value, bool):
        return "on" if value else ""
    return str(value)


def _put(data: QueryDict, name: str, value: str) -> None:
    if value:
        data[name] = value
    else:
        data.pop(name, None)


def _note(found: ProposedTemplate, kept: tuple[str, ...] = ()) -> ProposalNote:
    content = found.content
    return ProposalNote(
        image=found.image.name,
        system=content.os_name if found.is_recognised else "",
        proposed=tuple(_words(content.blueprint)),
        lacks=tuple(messages.sentence_for(code) for code in found.lacks),
        kept=kept,
    )


def _words(plan: Blueprint) -> list[str]:
    """Word the size, and the machine where it is that of an installer."""
    cpus = ngettext("%(count)s CPU", "%(count)s CPUs", plan.vcpus) % {"count": plan.vcpus}
    words = [cpus, messages.size(plan.memory_mib << 20)]
    if plan.source is not SourceKind.ISO:
        return words
    disk, hardware = plan.disks[0], plan.hardware
    bus = choices.BUSES[disk.bus]
    words.append(
        _("disk of %(size)s by %(bus)s") % {"size": messages.size(disk.size_bytes), "bus": bus}
    )
    words += [str(choices.NIC_MODELS[nic.model]) for nic in plan.nics]
    words += [str(choices.VIDEOS[hardware.video]), str(choices.FIRMWARES[hardware.firmware])]
    words += [str(choices.MACHINES[hardware.machine])] if hardware.machine else []
    words += [_("TPM 2.0")] if hardware.has_tpm else []
    return words
