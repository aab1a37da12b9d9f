"""The folded part of a template's form: processor, firmware, devices, disks and interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from vms import messages
from vms.hypervisor.blueprint import (
    MAX_DISKS,
    MAX_NICS,
    Blueprint,
    DiskOrigin,
    DiskPlan,
    NicPlan,
    SourceKind,
)
from vms.hypervisor.hardware import (
    CpuMode,
    Discard,
    DiskBus,
    DiskCache,
    DiskFormat,
    Firmware,
    GuestOptions,
    Hardware,
    Machine,
    NicModel,
    Topology,
    VideoModel,
)
from vms.web import choices
from vms.web.forms.fields import CountField, GibibytesField, to_bytes, to_gib
from vms.web.forms.options import option_field

DISK_PARTS = ("origin", "bus", "format", "pool", "cache", "discard")
PROPOSE = "propose"
"""Sent along by whoever wants the values of what he chose proposed."""
DEVICES = ("has_screen", "has_serial", "has_agent", "has_rng")


@dataclass(frozen=True, slots=True)
class RowFields:
    """The fields of one disk or interface under its title; `remove` is empty for the first."""

    title: str
    fields: tuple[forms.BoundField, ...]
    index: int


class MachineForm(forms.Form):
    """The machine of a template. Rows of disks and interfaces are counted by two hidden fields."""

    disk_rows = forms.IntegerField(required=False, widget=forms.HiddenInput())
    nic_rows = forms.IntegerField(required=False, widget=forms.HiddenInput())
    cpu_model = forms.ChoiceField(label=_("Model by name"), required=False)
    sockets = CountField(label=_("Sockets"), required=False)
    cores = CountField(label=_("Cores"), required=False)
    threads = CountField(label=_("Threads"), required=False)
    has_tpm = forms.BooleanField(label=_("TPM 2.0, made by software"), required=False)
    has_screen = forms.BooleanField(label=_("Screen (VNC), keyboard and pointer"), required=False)
    has_serial = forms.BooleanField(label=_("Serial port"), required=False)
    has_agent = forms.BooleanField(label=_("Channel for the guest agent"), required=False)
    has_rng = forms.BooleanField(label=_("Random numbers from the host"), required=False)

    def __init__(
        self,
        *args: Any,
        plan: Blueprint,
        options: GuestOptions,
        pools: Iterable[str] = (),
        networks: Iterable[str] = (),
        **kwargs: Any,
    ) -> None:  # Any: as forms.Form takes them
        kwargs["initial"] = {**machine_initial(plan), **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self._plan, self._options = plan, options
        self._pools = [("", _("that of the image")), *((name, name) for name in pools)]
        self._networks = [("", _("none")), *((name, name) for name in networks)]
        self._add_hardware()
        self._disks = self._rows("disk_rows", len(plan.disks), MAX_DISKS)
        self._nics = self._rows("nic_rows", len(plan.nics), MAX_NICS)
        for index in range(self._disks):
            self._add_disk(index)
        for index in range(self._nics):
            self._add_nic(index)

    def _rows(self, name: str, own: int, most: int) -> int:
        """How many rows there are: as many as were posted, and one more where that was asked."""
        try:
            count = int(self.data.get(name, own)) if self.is_bound else own
        except ValueError:
            count = own
        if f"add_{name}" in self.data:
            count += 1
        return max(1, min(most, count))

    @property
    def is_draft(self) -> bool:
        """True when the form was sent to be filled further, not to be saved."""
        return self.is_growing or PROPOSE in self.data

    def full_clean(self) -> None:
        """Judge nothing of a draft."""
        if self.is_bound and self.is_draft:
            self._errors, self.cleaned_data = ErrorDict(), {}
            return
        super().full_clean()

    @property
    def is_growing(self) -> bool:
        """True when the form was sent to get one more row."""
        return any(f"add_{name}" in self.data for name in ("disk_rows", "nic_rows"))

    def _add_hardware(self) -> None:
        options = self._options
        self.fields["cpu_mode"] = option_field(
            _("Processor"), choices.CPU_MODES, _missing(CpuMode, options, options.cpu_modes)
        )
        self.fields["firmware"] = option_field(
            _("Firmware"), choices.FIRMWARES, _missing(Firmware, options, options.firmwares)
        )
        self.fields["machine"] = option_field(_("Machine"), choices.MACHINES, {})
        self.fields["video"] = option_field(_("Graphics card"), choices.VIDEOS, {})
        models = [*options.cpu_models]
        chosen = self._plan.hardware.cpu_model
        if chosen and chosen not in models:
            models.append(chosen)
        field = self.fields["cpu_model"]
        field.choices = [("", "–"), *((each, each) for each in models)]  # type: ignore[attr-defined]
        if options.is_known and not options.has_tpm:
            tpm = self.fields["has_tpm"]
            tpm.disabled = not self._plan.hardware.has_tpm
            tpm.help_text = messages.sentence_for("no-tpm")

    def _add_disk(self, index: int) -> None:
        own = index < len(self._plan.disks)
        plan = self._plan.disks[index] if own else DiskPlan(DiskOrigin.BLANK)
        if index:
            self._put(
                f"disk_{index}_gib",
                GibibytesField(label=_("Size in GiB"), required=False),
                to_gib(plan.size_bytes) if plan.size_bytes else None,
            )
        named = {
            "origin": (_("Starts as"), choices.ORIGINS),
            "bus": (_("Attached by"), choices.BUSES),
            "format": (_("Format"), choices.FORMATS),
            "cache": (_("Cache of the host"), choices.CACHES),
            "discard": (_("Space given back"), choices.DISCARDS),
        }
        for part, (label, names) in named.items():
            field = option_field(label, names, {})  # type: ignore[arg-type]  # enums of several kinds
            self._put(f"disk_{index}_{part}", field, getattr(plan, part).value)
        pools = forms.ChoiceField(label=_("Pool"), required=False, choices=self._pools)
        self._put(f"disk_{index}_pool", pools, plan.pool)
        source = f"{plan.source_pool}/{plan.source_volume}" if plan.source_volume else ""
        hidden = forms.CharField(required=False, widget=forms.HiddenInput())
        self._put(f"disk_{index}_source", hidden, source)
        if index:
            self._put(f"disk_{index}_gone", _remove_box(), False)

    def _add_nic(self, index: int) -> None:
        own = index < len(self._plan.nics)
        plan = self._plan.nics[index] if own else NicPlan("")
        if index:
            networks = list(self._networks)
            if plan.network and (plan.network, plan.network) not in networks:
                networks.append((plan.network, plan.network))
            field = forms.ChoiceField(label=_("Network"), required=False, choices=networks)
            self._put(f"nic_{index}_network", field, plan.network)
        model = option_field(_("Network card"), choices.NIC_MODELS, {})
        self._put(f"nic_{index}_model", model, plan.model.value)

    def _put(self, name: str, field: forms.Field, initial: object) -> None:
        field.initial = initial
        self.fields[name] = field

    @property
    def disk_groups(self) -> list[RowFields]:
        """The fields of each disk; the size of the first stands in the upper part of the form."""
        return [
            RowFields(
                now("Disk %(number)s") % {"number": index + 1},
                tuple(self._bound(f"disk_{index}_", ("gib", *DISK_PARTS, "gone"))),
                index,
            )
            for index in range(self._disks)
        ]

    @property
    def nic_groups(self) -> list[RowFields]:
        """The fields of each interface; the network of the first stands above."""
        return [
            RowFields(
                now("Interface %(number)s") % {"number": index + 1},
                tuple(self._bound(f"nic_{index}_", ("network", "model"))),
                index,
            )
            for index in range(self._nics)
        ]

    def _bound(self, prefix: str, names: Iterable[str]) -> Iterator[forms.BoundField]:
        return (self[prefix + name] for name in names if prefix + name in self.fields)

    @property
    def hidden_sources(self) -> list[forms.BoundField]:
        """What each disk starts as, where that is not the image."""
        return [self[f"disk_{index}_source"] for index in range(self._disks)]

    @property
    def device_fields(self) -> list[forms.BoundField]:
        """The devices that may be left out."""
        return [self[name] for name in DEVICES]

    def has_errors_in_machine(self) -> bool:
        """True when a field that is folded away is wrong."""
        return any(name in _machine_names(self) for name in self.errors)

    def problem_names(self) -> dict[str, str]:
        """Say which field shows what the service says of the machine."""
        named = {f"hardware.{name}": name for name in ("cpu_mode", "cpu_model", "firmware")}
        named |= {f"hardware.{name}": name for name in ("machine", "has_tpm", "video")}
        named |= {"hardware.topology": "sockets", "disk_bytes": "disk_gib", "disks": "disk_gib"}
        for index in range(self._disks):
            named |= {f"disks.{index}.{part}": f"disk_{index}_{part}" for part in DISK_PARTS}
            named[f"disks.{index}.size_bytes"] = f"disk_{index}_gib"
            named[f"disks.{index}.source_volume"] = f"disk_{index}_origin"
        for index in range(self._nics):
            named[f"nics.{index}.network"] = f"nic_{index}_network"
        return named

    def hardware(self) -> Hardware:
        """Return the machine that was chosen."""
        data, base = self.cleaned_data, self._plan.hardware
        parts = [data.get(name) for name in ("sockets", "cores", "threads")]
        topology = Topology(*(part or 1 for part in parts)) if any(parts) else None
        # A page that does not show the machine leaves it as it is.
        if "machine_shown" not in self.data:
            return base
        return Hardware(
            machine=Machine(data["machine"]),
            cpu_mode=CpuMode(data["cpu_mode"] or CpuMode.FASTEST),
            cpu_model=data["cpu_model"] if data["cpu_mode"] == CpuMode.NAMED else "",
            topology=topology,
            firmware=Firmware(data["firmware"] or Firmware.BIOS),
            has_tpm=data["has_tpm"],
            video=VideoModel(data["video"] or VideoModel.VIRTIO),
            **{name: data[name] for name in DEVICES},
        )

    def disks(self, source: SourceKind, first_bytes: int) -> tuple[DiskPlan, ...]:
        """Return the disks; the first of an installer is blank, whatever else is chosen."""
        if first_bytes == 0 and source is not SourceKind.IMAGE and self._disks == 1:
            return ()
        plans = [self._disk(index) for index in range(self._disks)]
        kept = [plan for index, plan in enumerate(plans) if not self._is_gone(index)]
        first = replace(kept[0], size_bytes=first_bytes)
        if source is not SourceKind.IMAGE and not first.source_volume:
            first = replace(first, origin=DiskOrigin.BLANK)
        elif source is SourceKind.IMAGE and first.origin is DiskOrigin.BLANK:
            first = replace(first, origin=DiskOrigin.LINKED)
        return (first, *kept[1:])

    def _is_gone(self, index: int) -> bool:
        return index > 0 and bool(self.cleaned_data.get(f"disk_{index}_gone"))

    def _disk(self, index: int) -> DiskPlan:
        data = self.cleaned_data
        usual = DiskPlan() if index == 0 else DiskPlan(DiskOrigin.BLANK)

        def chosen(part: str) -> str:
            return str(data.get(f"disk_{index}_{part}") or getattr(usual, part))

        pool, _slash, volume = str(data.get(f"disk_{index}_source") or "").partition("/")
        return DiskPlan(
            origin=DiskOrigin(chosen("origin")),
            size_bytes=to_bytes(data.get(f"disk_{index}_gib")),
            pool=data.get(f"disk_{index}_pool") or "",
            format=DiskFormat(chosen("format")),
            bus=DiskBus(chosen("bus")),
            cache=DiskCache(chosen("cache")),
            discard=Discard(chosen("discard")),
            source_pool=pool if volume else "",
            source_volume=volume,
        )

    def nics(self, first_network: str) -> tuple[NicPlan, ...]:
        """Return the interfaces; one without a network is left out."""
        data = self.cleaned_data
        networks = [first_network] + [
            data.get(f"nic_{index}_network", "") for index in range(1, self._nics)
        ]
        return tuple(
            NicPlan(network, NicModel(data.get(f"nic_{index}_model") or NicModel.VIRTIO))
            for index, network in enumerate(networks)
            if network
        )


def _machine_names(form: MachineForm) -> frozenset[str]:
    own = {"cpu_mode", "cpu_model", "firmware", "machine", "video", "has_tpm", "sockets"}
    rows = {name for name in form.fields if name.startswith(("disk_", "nic_"))}
    return frozenset(own | rows | {"cores", "threads"} - {"disk_gib"})


def _remove_box() -> forms.BooleanField:
    return forms.BooleanField(label=_("Leave it out"), required=False)


def _missing(
    kind: type[Firmware | CpuMode], options: GuestOptions, offered: Iterable[str]
) -> Mapping[Any, str]:  # Any: members of that enum
    """Return the code of why for each member that the host does not offer."""
    if not options.is_known:
        return {}
    has = set(offered)
    return {member: f"no-{member.value}" for member in kind if member.value not in has}


def machine_initial(plan: Blueprint) -> dict[str, object]:
    """Return the machine of a blueprint as the form starts with it."""
    hardware = plan.hardware
    topology = hardware.topology
    return {
        "disk_rows": max(1, len(plan.disks)),
        "nic_rows": max(1, len(plan.nics)),
        "cpu_mode": hardware.cpu_mode.value,
        "cpu_model": hardware.cpu_model,
        "firmware": hardware.firmware.value,
        "machine": hardware.machine.value,
        "video": hardware.video.value,
        "has_tpm": hardware.has_tpm,
        **{name: getattr(hardware, name) for name in DEVICES},
        "sockets": topology.sockets if topology else None,
        "cores": topology.cores if topology else None,
        "threads": topology.threads if topology else None,
    }
