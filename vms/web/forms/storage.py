"""Forms of the storage pages: pools by kind, and what is done with volumes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vms import messages
from vms.hypervisor.storage_types import PoolKind, PoolSpec
from vms.models import Host, Pool, Volume
from vms.services import volumes
from vms.services.volumes import NewVolume
from vms.web.forms.fields import GibibytesField, LinesField, to_bytes

VOLUME_FIELDS = {"capacity_bytes": "capacity_gib"}
PLAIN = {"autocomplete": "off", "spellcheck": "false"}


def _line(**options: Any) -> forms.CharField:  # Any: as forms.CharField takes them
    return forms.CharField(widget=forms.TextInput(attrs=PLAIN), **options)


class HostForm(forms.Form):
    """A form whose thing is made on a host; the only host is not asked for."""

    host = forms.ChoiceField(label=_("Host"))

    def __init__(self, *args: Any, hosts: Iterable[Host], **kwargs: Any) -> None:  # Any: forms.Form
        super().__init__(*args, **kwargs)
        choices = [(str(host.pk), host.name) for host in hosts]
        self.fields["host"].choices = choices  # type: ignore[attr-defined]
        if len(choices) == 1:
            self.fields["host"].widget = forms.HiddenInput()
            self.initial["host"] = choices[0][0]

    @property
    def asks_for_host(self) -> bool:
        """True where there is more than one host to choose from."""
        return not self.fields["host"].widget.is_hidden


class PoolForm(HostForm):
    """What every pool has."""

    kind = PoolKind.DIR
    name = forms.CharField(label=_("Name"), strip=False, widget=forms.TextInput(attrs=PLAIN))

    def spec(self) -> PoolSpec:
        """Return the pool that was asked for; call only when the form is valid."""
        data = {key: value for key, value in self.cleaned_data.items() if key != "host"}
        return PoolSpec(kind=self.kind, **data)


class DirForm(PoolForm):
    """A folder of the host."""

    path = _line(label=_("Folder"))


class FsForm(PoolForm):
    """A disk or partition of the host."""

    kind = PoolKind.FS
    device = _line(label=_("Device"))
    path = _line(label=_("Mount point"), required=False)
    is_formatted = forms.BooleanField(
        label=_("Make an ext4 file system on it, if the device is empty"), required=False
    )


class NetfsForm(PoolForm):
    """An NFS share."""

    kind = PoolKind.NETFS
    server = _line(label=_("Server"))
    export = _line(label=_("Exported folder"))
    path = _line(label=_("Mount point"), required=False)


class LogicalForm(PoolForm):
    """A volume group of LVM."""

    kind = PoolKind.LOGICAL
    group = _line(label=_("Volume group"))
    is_formatted = forms.BooleanField(
        label=_("Make this volume group anew on the device below, if that is empty"),
        required=False,
    )
    device = _line(label=_("Device"), required=False)


class PoolXmlForm(HostForm):
    """Any other pool, as libvirt's own XML."""

    xml = LinesField(label=_("Pool XML"), rows=14)


POOL_FORMS: dict[str, type[PoolForm] | type[PoolXmlForm]] = {
    "dir": DirForm,
    "fs": FsForm,
    "netfs": NetfsForm,
    "logical": LogicalForm,
    "xml": PoolXmlForm,
}


class VolumeForm(forms.Form):
    """A new, empty volume."""

    name = forms.CharField(label=_("Name"), strip=False, widget=forms.TextInput(attrs=PLAIN))
    capacity_gib = GibibytesField(label=_("Size"))
    format = forms.ChoiceField(label=_("Format"))
    is_preallocated = forms.BooleanField(
        label=_("Take all the space at once (preallocate)"), required=False
    )

    def __init__(self, *args: Any, pool: Pool, **kwargs: Any) -> None:  # Any: as forms.Form has it
        super().__init__(*args, **kwargs)
        choices = [(name, name) for name in volumes.formats(pool)]
        self.fields["format"].choices = choices  # type: ignore[attr-defined]

    def new(self) -> NewVolume:
        """Return the volume that was asked for; call only when the form is valid."""
        data = self.cleaned_data
        return NewVolume(
            data["name"],
            data["format"],
            to_bytes(data["capacity_gib"]),
            is_preallocated=data["is_preallocated"],
        )


def _pool_choices(pools: Iterable[Pool]) -> list[tuple[str, str]]:
    return [(str(pool.pk), pool_label(pool)) for pool in pools]


def pool_label(pool: Pool) -> str:
    """Word a pool with what is free in it."""
    free = messages.size(pool.available_bytes)
    return _("%(name)s (%(free)s free)") % {"name": pool.name, "free": free}


class CloneForm(forms.Form):
    """A full copy of a volume."""

    name = forms.CharField(label=_("Name"), strip=False, widget=forms.TextInput(attrs=PLAIN))
    pool = forms.ChoiceField(label=_("Pool"))
    format = forms.ChoiceField(label=_("Format"), required=False)

    def __init__(
        self, *args: Any, pools: Iterable[Pool], volume: Volume, **kwargs: Any
    ) -> None:  # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        self.fields["pool"].choices = _pool_choices(pools)  # type: ignore[attr-defined]
        formats = [("", _("as it is (%(format)s)") % {"format": volume.format})]
        formats += [(name, name) for name in volumes.FORMATS]
        self.fields["format"].choices = formats  # type: ignore[attr-defined]


class GrowForm(forms.Form):
    """A larger size."""

    capacity_gib = GibibytesField(label=_("New size"))


class ResizeForm(GrowForm):
    """Another size."""

    is_shrink_confirmed = forms.BooleanField(
        label=_("Shrink it: I have shrunk what is inside, and have a backup"), required=False
    )


class MoveForm(forms.Form):
    """Another pool."""

    pool = forms.ChoiceField(label=_("To the pool"))

    def __init__(self, *args: Any, pools: Iterable[Pool], **kwargs: Any) -> None:  # Any: forms.Form
        super().__init__(*args, **kwargs)
        self._pools = _pool_choices(pools)
        self.fields["pool"].choices = self._pools  # type: ignore[attr-defined]

    @property
    def has_others(self) -> bool:
        """True where there is anywhere to move to."""
        return bool(self._pools)
