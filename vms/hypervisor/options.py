"""What guests on a host can be made of, read from libvirt's domain capabilities. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lxml import etree
from pydantic import TypeAdapter

from .errors import InvalidConfig
from .hardware import CpuMode, Firmware, GuestOptions, Machine
from .xml.tree import read

_adapter = TypeAdapter(GuestOptions)
_MODES = {
    "host-passthrough": CpuMode.HOST_PASSTHROUGH,
    "host-model": CpuMode.HOST_MODEL,
    "custom": CpuMode.NAMED,
}


def from_capabilities(by_machine: Sequence[tuple[str, str]]) -> GuestOptions:
    """Join the domain capabilities of the machines of a host, given as (machine, XML).

    The first that can be read says what the host has; the buses are those of all of them.
    """
    roots = [(name, root) for name, xml in by_machine if (root := _root(xml)) is not None]
    if not roots:
        return GuestOptions()
    first = roots[0][1]
    buses = [bus for _name, root in roots for bus in _values(root, "devices/disk", "bus")]
    return GuestOptions(
        is_known=True,
        machines=tuple(name for name, _root in roots if name in set(Machine)),
        cpu_modes=_cpu_modes(first),
        cpu_models=_cpu_models(first),
        firmwares=_firmwares(first),
        disk_buses=tuple(dict.fromkeys(buses)),
        videos=_values(first, "devices/video", "modelType"),
        has_vnc="vnc" in _values(first, "devices/graphics", "type"),
        has_tpm="emulator" in _values(first, "devices/tpm", "backendModel"),
    )


def guest_options_from(stored: Mapping[str, object]) -> GuestOptions:
    """Read what `dataclasses.asdict` made of options; what is not known is left out."""
    known = {key: value for key, value in stored.items() if key in GuestOptions.__slots__}
    return _adapter.validate_python(known)


def _cpu_modes(root: etree._Element) -> tuple[str, ...]:
    offered = [
        mode.get("name") or ""
        for mode in root.iterfind("cpu/mode")
        if mode.get("supported") == "yes"
    ]
    return (CpuMode.FASTEST.value, *(_MODES[name].value for name in offered if name in _MODES))


def _cpu_models(root: etree._Element) -> tuple[str, ...]:
    models = root.iterfind("cpu/mode[@name='custom']/model")
    return tuple(model.text or "" for model in models if model.get("usable") == "yes")


def _firmwares(root: etree._Element) -> tuple[str, ...]:
    found = [Firmware.BIOS.value]
    if "efi" in _values(root, "os", "firmware"):
        found.append(Firmware.UEFI.value)
        if "yes" in _values(root, "os/loader", "secure"):
            found.append(Firmware.SECURE_BOOT.value)
    return tuple(found)


def _values(root: etree._Element, path: str, name: str) -> tuple[str, ...]:
    """Return the values of an enumeration; none where the thing is not supported at all."""
    parent = root.find(path)
    if parent is None or parent.get("supported") == "no":
        return ()
    return tuple(value.text or "" for value in parent.iterfind(f"enum[@name='{name}']/value"))


def _root(xml: str) -> etree._Element | None:
    try:
        return read(xml)
    except InvalidConfig:
        return None
