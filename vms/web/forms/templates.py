"""The form of a template: where guests come from, their usual values, and the machine folded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vms import messages
from vms.hypervisor.blueprint import Blueprint, CloudPlan, SourceKind
from vms.hypervisor.hardware import GuestOptions
from vms.models import Template, Volume
from vms.services.templates import TemplateContent
from vms.web import choices
from vms.web.forms.cloud import NO_AUTOCOMPLETE, SystemFields, words
from vms.web.forms.fields import CountField, GibibytesField, LinesField, to_bytes, to_gib
from vms.web.forms.machine import MachineForm


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the host of a template has to choose from."""

    options: GuestOptions
    pools: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    images: tuple[Volume, ...] = ()
    isos: tuple[Volume, ...] = field(default=())


class TemplateForm(SystemFields, MachineForm):
    """A template; of one that exists the image may be replaced."""

    source = forms.ChoiceField(
        label=_("Guests start from"),
        required=False,
        choices=list(choices.SOURCES.items()),
        initial=SourceKind.IMAGE.value,
    )
    proposed_for = forms.CharField(required=False, widget=forms.HiddenInput())
    """The image or ISO whose values were proposed last."""
    image = forms.ChoiceField(label=_("Disk image"), required=False)
    iso = forms.ChoiceField(label=_("Installer"), required=False)
    name = forms.CharField(label=_("Name"), strip=False)
    description = LinesField(label=_("Description"), required=False, rows=2)
    os_name = forms.CharField(label=_("Operating system"), required=False, max_length=100)
    vcpus = CountField(label=_("Virtual CPUs"), initial=1)
    memory_mib = CountField(label=_("Memory"), initial=1024)
    disk_gib = GibibytesField(label=_("Disk"), required=False)
    network_name = forms.ChoiceField(label=_("Network"), required=False)
    has_cloud_init = forms.BooleanField(
        label=_("The image reads cloud-init (name, user, password, SSH keys)"),
        required=False,
        initial=True,
    )
    default_user = forms.CharField(
        label=_("User to propose"), required=False, widget=forms.TextInput(attrs=NO_AUTOCOMPLETE)
    )
    user_data = LinesField(label=_("More cloud-config (YAML)"), required=False, rows=6)

    def __init__(
        self, *args: Any, around: Surroundings, template: Template | None = None, **kwargs: Any
    ) -> None:  # Any: as forms.Form takes them
        self._template = template
        plan = template.plan if template else Blueprint()
        usual = initial_of(template) if template else {"network_name": _usual(around.networks)}
        first = {**usual, **kwargs.pop("initial", {})}
        super().__init__(
            *args,
            plan=plan,
            options=around.options,
            pools=around.pools,
            networks=around.networks,
            initial=first,
            **kwargs,
        )
        self.fields["user_data"].widget.attrs.update({**NO_AUTOCOMPLETE, "data-numbered": ""})
        names = list(dict.fromkeys(around.networks))
        if first.get("network_name") and first["network_name"] not in names:
            names.append(str(first["network_name"]))
        self._offer("network_name", [("", _("none")), *((name, name) for name in names)])
        keep = [("", _("as it is") if template else "–")]
        self._offer("image", [*keep, *_labelled(around.images)])
        self._offer("iso", [*keep, *_labelled(around.isos)])

    def _offer(self, name: str, wanted: list[tuple[str, Any]]) -> None:  # Any: lazy texts
        self.fields[name].choices = wanted  # type: ignore[attr-defined]

    @property
    def source_kind(self) -> SourceKind:
        """What guests start from; that of a template which exists stays."""
        if self._template is not None:
            return self._template.plan.source
        return SourceKind(self.cleaned_data.get("source") or SourceKind.IMAGE)

    @property
    def image_id(self) -> str:
        """The image or ISO that was chosen, "" for none."""
        kind = self.source_kind
        if kind is SourceKind.NETWORK:
            return ""
        return str(self.cleaned_data["iso" if kind is SourceKind.ISO else "image"])

    def clean(self) -> dict[str, Any]:  # Any: as the base class has it
        """See that a new template has what it starts from."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self._template is None and self.source_kind is not SourceKind.NETWORK:
            wanted = "iso" if self.source_kind is SourceKind.ISO else "image"
            if wanted not in self.errors and not data.get(wanted):
                self.add_error(wanted, self.fields[wanted].error_messages["required"])
        return data

    def problem_names(self) -> dict[str, str]:
        """Say which field shows what the service says."""
        image = "iso" if self.source_kind is SourceKind.ISO else "image"
        return {**super().problem_names(), "image": image}

    def content(self, icon: str = "linux") -> TemplateContent:
        """Return what was typed; call only when the form is valid."""
        data, kind = self.cleaned_data, self.source_kind
        blueprint = Blueprint(
            source=kind,
            vcpus=data["vcpus"],
            memory_mib=data["memory_mib"],
            hardware=self.hardware(),
            disks=self.disks(kind, to_bytes(data["disk_gib"])),
            nics=self.nics(data["network_name"]),
            cloud=CloudPlan(
                is_read=data["has_cloud_init"],
                user=data["default_user"],
                packages=words(data["packages"]),
                timezone=data["timezone"],
                locale=data["locale"],
                user_data=data["user_data"],
            ),
        )
        return TemplateContent(data["name"], blueprint, data["description"], data["os_name"], icon)


def _labelled(images: Iterable[Volume]) -> list[tuple[str, str]]:
    return [(str(image.pk), image_label(image)) for image in images]


def image_label(image: Volume) -> str:
    """Word an image: its name, pool, format and size."""
    size = messages.size(image.capacity_bytes)
    return f"{image.name} · {image.pool.name} · {image.format}, {size}"


def _usual(networks: tuple[str, ...]) -> str:
    """Return the network that a new template proposes: libvirt's own, or the only one."""
    if "default" in networks:
        return "default"
    return networks[0] if len(networks) == 1 else ""


def initial_of(template: Template) -> dict[str, object]:
    """Return the values of a template as the form starts with them."""
    plan = template.plan
    return {
        "source": plan.source.value,
        "name": template.name,
        "description": template.description,
        "os_name": template.os_name,
        "vcpus": plan.vcpus,
        "memory_mib": plan.memory_mib,
        "disk_gib": to_gib(template.disk_bytes) if template.disk_bytes else None,
        "network_name": template.network_name,
        "has_cloud_init": plan.cloud.is_read,
        "default_user": plan.cloud.user,
        "packages": " ".join(plan.cloud.packages),
        "timezone": plan.cloud.timezone,
        "locale": plan.cloud.locale,
        "user_data": plan.cloud.user_data,
    }
