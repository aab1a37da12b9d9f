"""Forms about guests: making one, its description, its configuration, its CD and its owner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vms.models import VM, Group, Template, User, VmRole, Volume
from vms.services.editing import BootDevice
from vms.services.machines import CreateRequest
from vms.services.rooms import CreateLimits
from vms.web.forms.cloud import NO_AUTOCOMPLETE, CloudForm
from vms.web.forms.fields import (
    GIB,
    CountField,
    GibibytesField,
    LinesField,
    to_bytes,
    to_gib,
)


class CreateForm(CloudForm):
    """A new guest from a template; its first values are the template's defaults."""

    name = forms.CharField(
        label=_("Name"), required=False, strip=False, widget=forms.TextInput(attrs=NO_AUTOCOMPLETE)
    )
    vcpus = CountField(label=_("Virtual CPUs"))
    memory_mib = CountField(label=_("Memory"))
    disk_gib = GibibytesField(label=_("Disk"))
    description = LinesField(label=_("Description"), required=False, rows=2)
    is_started = forms.BooleanField(label=_("Start it at once"), required=False)

    def __init__(
        self, *args: Any, template: Template, limits: CreateLimits, **kwargs: Any
    ) -> None:  # Any: as forms.Form takes them
        plan = template.plan
        super().__init__(*args, nics=[nic.network for nic in plan.nics], **kwargs)
        self.quota_notices: list[str] = []
        self._template = template
        self._rooms = limits.disks
        self._limit("vcpus", 1, limits.max_vcpus)
        self._limit("memory_mib", limits.min_memory_mib, limits.max_memory_mib)
        if not limits.disks:
            del self.fields["disk_gib"]
        for index, room in enumerate(limits.disks):
            name = self._disk_name(index)
            if index:
                label = _("Disk %(number)s") % {"number": index + 1}
                self.fields[name] = GibibytesField(
                    label=label, required=False, initial=to_gib(room.proposed_bytes)
                )
            self._limit(name, to_gib(room.min_bytes), room.max_bytes // GIB)
        if not template.has_cloud_init:
            self.drop_cloud_fields()

    @staticmethod
    def _disk_name(index: int) -> str:
        return "disk_gib" if index == 0 else f"disk_{index}_gib"

    def _limit(self, name: str, smallest: object, largest: object) -> None:
        self.fields[name].widget.attrs.update({"min": str(smallest), "max": str(largest)})

    @property
    def more_disks(self) -> list[forms.BoundField]:
        """The fields of all disks but the first."""
        return [self[self._disk_name(index)] for index in range(1, len(self._rooms))]

    def problem_names(self) -> dict[str, str]:
        """Say which field shows what the service says about disks and interfaces."""
        disks = {
            f"disks.{index}.size_bytes": self._disk_name(index)
            for index in range(1, len(self._rooms))
        }
        return {**super().problem_names(), **disks, "disk_bytes": "disk_gib"}

    def _size(self, index: int) -> int | None:
        gib = self.cleaned_data.get(self._disk_name(index))
        return None if gib is None else to_bytes(gib)

    def request(self) -> CreateRequest:
        """Return what was asked for; call only when the form is valid."""
        data = self.cleaned_data
        request = CreateRequest(
            template_id=self._template.pk,
            name=data["name"],
            vcpus=data["vcpus"],
            memory_mib=data["memory_mib"],
            disk_bytes=self._size(0),
            more_disk_bytes=tuple(self._size(index) for index in range(1, len(self._rooms))),
            is_started=data["is_started"],
            description=data["description"],
            network_name=data.get("network_name") or None,
        )
        if not self._template.has_cloud_init:
            return request
        told = self.wish()
        return replace(
            request,
            hostname=told.hostname,
            user=told.user,
            password=told.password,
            ssh_keys=told.ssh_keys,
            packages=told.packages,
            timezone=told.timezone,
            locale=told.locale,
            addresses=told.nics,
            user_data=told.user_data,
        )


class DescriptionForm(forms.Form):
    """The description of a guest."""

    description = LinesField(label=_("Description"), required=False, rows=4)


class ConfigForm(forms.Form):
    """Name, processors, memory and boot order of a guest that is off."""

    name = forms.CharField(
        label=_("Name"), strip=False, widget=forms.TextInput(attrs=NO_AUTOCOMPLETE)
    )
    vcpus = CountField(label=_("Virtual CPUs"))
    memory_mib = CountField(label=_("Memory"))

    BOOT_PLACES = 4

    def __init__(
        self, *args: Any, guest: VM, devices: tuple[BootDevice, ...], **kwargs: Any
    ) -> None:  # Any: as forms.Form takes them
        kwargs["initial"] = {
            "name": guest.name,
            "vcpus": guest.vcpus,
            "memory_mib": guest.memory_mib,
        }
        super().__init__(*args, **kwargs)
        self._ordered = tuple(device.key for device in devices if device.order is not None)
        self._places = [f"boot_{place}" for place in range(min(self.BOOT_PLACES, len(devices)))]
        for place, name in enumerate(self._places):
            self.fields[name] = self._boot_field(place, devices)

    def _boot_field(self, place: int, devices: tuple[BootDevice, ...]) -> forms.ChoiceField:
        return forms.ChoiceField(
            label=_("Boot device %(place)s") % {"place": place + 1},
            required=False,
            choices=[("", "–"), *((device.key, boot_label(device)) for device in devices)],
            initial=self._ordered[place] if place < len(self._ordered) else "",
        )

    @property
    def boot_fields(self) -> list[forms.BoundField]:
        """The fields of the boot order, first to last."""
        return [self[name] for name in self._places]

    def boot(self) -> tuple[str, ...] | None:
        """Return the boot order that was chosen, each device once; None when it is as it was."""
        chosen = [self.cleaned_data[name] for name in self._places if self.cleaned_data[name]]
        order = tuple(dict.fromkeys(chosen))
        return None if order == self._ordered[: len(self._places)] else order


BOOT_KINDS = {
    "disk": _("disk"),
    "cdrom": _("CD-ROM"),
    "floppy": _("floppy"),
    "network": _("network"),
}


def boot_label(device: BootDevice) -> str:
    """Word a boot device, e.g. "disk vda: debian.qcow2"."""
    kind = BOOT_KINDS.get(device.kind, device.kind)
    return f"{kind} {device.key}: {device.label}" if device.label else f"{kind} {device.key}"


class MediaForm(forms.Form):
    """The ISO to insert."""

    image = forms.ChoiceField(label=_("CD image"))

    def __init__(self, *args: Any, isos: Iterable[Volume], **kwargs: Any) -> None:  # Any: as above
        super().__init__(*args, **kwargs)
        choices = [(str(iso.pk), f"{iso.name} ({iso.pool.name})") for iso in isos]
        self.fields["image"].choices = [("", "–"), *choices]  # type: ignore[attr-defined]


def _role_field() -> forms.ChoiceField:
    return forms.ChoiceField(label=_("Role"), choices=VmRole.choices, initial=VmRole.OPERATOR.value)


class SharePersonForm(forms.Form):
    """Somebody to share a guest with, by his exact user name."""

    username = forms.CharField(
        label=_("User name"),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "autocapitalize": "none",
                "list": "acquaintances",
            }
        ),
    )
    role = _role_field()

    prefix = "person"


class ShareGroupForm(forms.Form):
    """A group to share a guest with."""

    group = forms.ChoiceField(label=_("Group"))
    role = _role_field()

    prefix = "group"

    def __init__(self, *args: Any, groups: Iterable[Group], **kwargs: Any) -> None:  # Any: as above
        super().__init__(*args, **kwargs)
        choices = [(str(group.pk), group.name) for group in groups]
        self.fields["group"].choices = [("", "–"), *choices]  # type: ignore[attr-defined]


class OwnerForm(forms.Form):
    """The owner of a guest; nobody is a choice too."""

    owner = forms.ChoiceField(label=_("Owner"), required=False)

    def __init__(self, *args: Any, people: Iterable[User], **kwargs: Any) -> None:  # Any: as above
        super().__init__(*args, **kwargs)
        choices = [(str(user.pk), user.username) for user in people]
        self.fields["owner"].choices = [("", _("nobody")), *choices]  # type: ignore[attr-defined]
