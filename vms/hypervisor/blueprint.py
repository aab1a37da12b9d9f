"""What a template holds of its guests, as one typed structure, and its form in the database.

Stored as JSON with the number of its schema; read strictly, so that nothing half-understood becomes
a guest. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from .hardware import Discard, DiskBus, DiskCache, DiskFormat, Flag, Hardware, NicModel, Topology

SCHEMA = 1
MAX_DISKS = 8
MAX_NICS = 8


class SourceKind(StrEnum):
    """Where a guest gets its operating system from."""

    IMAGE = "image"
    """A disk image, which its first disk starts as."""
    ISO = "iso"
    """An installer on a CD, with a blank disk."""
    NETWORK = "network"
    """A server that it boots from, with a blank disk."""


class DiskOrigin(StrEnum):
    """What a disk starts as."""

    BLANK = "blank"
    LINKED = "linked"
    """A thin layer over its source, which stays as it is and must stay."""
    COPY = "copy"
    """A full copy, which needs its source no longer."""


@dataclass(frozen=True, slots=True)
class DiskPlan:
    """A disk of guests to be made."""

    origin: DiskOrigin = DiskOrigin.LINKED
    size_bytes: Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)] = 0
    """0: as large as its source."""
    pool: str = ""
    """"": the pool of the template's image."""
    format: DiskFormat = DiskFormat.QCOW2
    bus: DiskBus = DiskBus.VIRTIO
    cache: DiskCache = DiskCache.DEFAULT
    discard: Discard = Discard.UNMAP
    source_pool: str = ""
    source_volume: str = ""
    """Both "": the template's image."""


@dataclass(frozen=True, slots=True)
class NicPlan:
    """A network interface of guests to be made."""

    network: str
    model: NicModel = NicModel.VIRTIO


@dataclass(frozen=True, slots=True)
class CloudPlan:
    """What guests are told by cloud-init unless whoever makes one says otherwise."""

    is_read: Flag = True
    """The image reads a seed at all."""
    user: str = ""
    packages: tuple[str, ...] = ()
    timezone: str = ""
    locale: str = ""
    user_data: str = ""
    """More cloud-config as YAML, laid over what the form says."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a template says of its guests."""

    source: SourceKind = SourceKind.IMAGE
    vcpus: int = 1
    memory_mib: int = 1024
    hardware: Hardware = field(default_factory=Hardware)
    disks: tuple[DiskPlan, ...] = (DiskPlan(),)
    nics: tuple[NicPlan, ...] = ()
    cloud: CloudPlan = field(default_factory=CloudPlan)


class UnreadableBlueprint(ValueError):
    """What stands in the database is no blueprint that this version understands."""


for _part in (Blueprint, CloudPlan, NicPlan, DiskPlan, Hardware, Topology):
    setattr(_part, "__pydantic_config__", ConfigDict(extra="forbid"))  # noqa: B010 - not declared
_adapter = TypeAdapter(Blueprint)


def as_json(blueprint: Blueprint) -> dict[str, Any]:  # Any: plain values of JSON
    """Return the blueprint as plain values, with the number of its schema."""
    return {"schema": SCHEMA, **_adapter.dump_python(blueprint, mode="json")}


def from_json(stored: object) -> Blueprint:
    """Read what `as_json` made. Raises UnreadableBlueprint."""
    if not isinstance(stored, dict) or stored.get("schema") != SCHEMA:
        raise UnreadableBlueprint("schema")
    values = {key: value for key, value in stored.items() if key != "schema"}
    try:
        return _adapter.validate_python(values)
    except ValidationError as error:
        raise UnreadableBlueprint(str(error)) from error


def with_first_disk(blueprint: Blueprint, **changes: Any) -> Blueprint:  # Any: fields of DiskPlan
    """Return the blueprint with its first disk changed; one without disks stays as it is."""
    if not blueprint.disks:
        return blueprint
    first = replace(blueprint.disks[0], **changes)
    return replace(blueprint, disks=(first, *blueprint.disks[1:]))


def with_first_network(blueprint: Blueprint, network: str) -> Blueprint:
    """Return the blueprint with its first interface in that network, without it for ""."""
    rest = blueprint.nics[1:]
    if not network:
        return replace(blueprint, nics=rest)
    first = replace(blueprint.nics[0], network=network) if blueprint.nics else NicPlan(network)
    return replace(blueprint, nics=(first, *rest))
