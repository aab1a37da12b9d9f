"""What may be asked of the JSON API: query parameters and request bodies.

Input refuses fields it does not know, so that a typo is not silently ignored.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import AwareDatetime, BeforeValidator, ConfigDict, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError

from vms.hypervisor.storage_types import PoolKind
from vms.hypervisor.types import VmState
from vms.models import JobState, VmRole
from vms.services.bulk import MAX_GUESTS
from vms.services.series import Span

MAX_BIGINT = 2**63 - 1
MAX_INT = 2**31 - 1

Vcpus = Annotated[int, Field(strict=True, ge=1, le=MAX_INT)]
MemoryMib = Annotated[int, Field(strict=True, ge=1, le=MAX_INT)]
SizeBytes = Annotated[int, Field(strict=True, ge=0, le=MAX_BIGINT)]
Uses = Annotated[int, Field(strict=True, ge=0, le=MAX_INT)]
Secret = Annotated[SecretStr, StringConstraints(max_length=1_000)]
Flag = Annotated[bool, Field(strict=True)]
Port = Annotated[int, Field(strict=True, ge=0, le=3)]
Text = Annotated[str, StringConstraints(max_length=10_000)]
Line = Annotated[str, StringConstraints(max_length=1_000)]


def _text_only(said: object) -> object:
    if not isinstance(said, str):
        raise PydanticCustomError("datetime_type", "not a text")
    return said


Moment = Annotated[AwareDatetime, BeforeValidator(_text_only)]
"""A date and time as a text with its time zone; pydantic would also take seconds since 1970."""


class Input(Schema):
    """A request body; a field that is not named here is an error, so that a typo is not ignored.

    Numbers are of the types above and truths are `Flag`s: "1" is no number, and 1 is not true.
    """

    model_config = ConfigDict(extra="forbid")


class Paging(Schema):
    """Which part of a list."""

    limit: int = Field(100, ge=1, le=1000, description="How many at most.")
    offset: int = Field(0, ge=0, le=MAX_INT, description="How many to skip.")


class VmFilter(Paging):
    """Which guests."""

    q: str = Field(
        "",
        max_length=500,
        description=(
            "What the search box takes: words, and terms like state:running owner:me tag:web "
            'template:"Tiny Linux" ip:192.168. mac: uuid: name: os: no:tag -tag:old; comma is "or".'
        ),
    )
    sort: str = Field(
        "name",
        description=(
            "name, state, owner, cpu, memory, disk or network; a minus before it: largest first."
        ),
    )
    state: VmState | None = Field(None, description="Only guests in this state.")
    owner: Line = Field("", description="Only guests of this user: name or id.")
    template: Line = Field("", description="Only guests made from this template: name or id.")


class ImageFilter(Paging):
    """Which images."""

    kind: Literal["disk", "iso"] | None = Field(None, description="Only disks or only ISOs.")


class ImageFetch(Input):
    """An image at an address."""

    url: Line = Field(description="https:// or http://, a public address.")
    pool_id: UUID | None = Field(None, description="The usual pool when left out.")
    checksum: Line = Field("", description="SHA-256, SHA-384 or SHA-512 in hex.")
    filename: Line = Field("", description="Where the address does not end with one.")


class CatalogueChoice(Input):
    """An image of the catalogue."""

    entry_id: Line
    pool_id: UUID | None = Field(None, description="The usual pool when left out.")
    has_template: Flag = Field(True, description="Make a template of it, too.")


class SpanChoice(Schema):
    """How much history."""

    span: Span = Field(Span.HOUR, description="How far back from now.")


class JobFilter(Paging):
    """Which jobs."""

    state: JobState | None = Field(None, description="Only jobs in this state.")
    vm: UUID | None = Field(None, description="Only jobs of this guest.")
    target: UUID | None = Field(None, description="Only jobs about this guest, volume, pool ...")


class VmChange(Input):
    """What is to be different; a field that is left out or null stays as it is."""

    name: Line | None = None
    description: Text | None = None
    vcpus: Vcpus | None = None
    memory_mib: MemoryMib | None = None
    boot: list[Line] | None = Field(
        None, max_length=64, description="Disk targets and MAC addresses in boot order."
    )
    tags: list[Line] | None = Field(None, max_length=100, description="All tags, in order.")


class BulkRequest(Input):
    """Which guests, and what belongs to the verb."""

    ids: list[UUID] = Field(min_length=1, max_length=MAX_GUESTS)
    tags: list[Line] = Field(
        default_factory=list, max_length=100, description="For tag and untag: which."
    )
    has_disks: Flag = Field(
        False, description="For delete: the disks made with each guest go with it."
    )


class ConsoleRequest(Input):
    """Which kind of console."""

    kind: Literal["vnc", "serial"] = "vnc"
    mode: Literal["control", "view"] = Field(
        default="control", description="A viewer's keys, pointer and clipboard are dropped."
    )
    device: Port = Field(default=0, description="Which serial port, from 0.")


class HostConsoles(Input):
    """Which way the screens of a host's guests take."""

    console_gateway_url: str = Field(
        max_length=255, description="A gateway such as https://node1.example.org:6080; empty: site."
    )


class LinkCreate(Input):
    """A link to a console for somebody without an account."""

    name: Line = Field(description="Whom it is for; stands in lists and in the audit trail.")
    expires_at: Moment = Field(description="At most 90 days from now.")
    mode: Literal["control", "view"] = "view"
    kind: Literal["vnc", "serial"] = "vnc"
    device: Port = Field(default=0, description="Which serial port, from 0.")
    uses: Uses | None = Field(default=None, description="How often it opens; null: no limit.")
    passphrase: Secret = Field(default=SecretStr(""), description="Asked for when opened.")


class MediaInsert(Input):
    """The ISO to insert."""

    image_id: UUID


class OwnerChange(Input):
    """Who is to own a guest."""

    owner_id: UUID | None = Field(description="Id of a user; null for nobody.")


class PoolCreate(Input):
    """A pool to be made; each kind takes only some of the fields."""

    host_id: UUID
    name: Line
    kind: PoolKind
    path: Line = Field("", description="dir: the folder. fs, netfs: the mount point.")
    device: Line = Field("", description="fs, logical: such as /dev/sdb1.")
    server: Line = Field("", description="netfs: host name or address.")
    export: Line = Field("", description="netfs: the folder that it shares.")
    group: Line = Field("", description="logical: the volume group.")
    is_formatted: Flag = Field(
        False, description="fs, logical: make it on the device, unless anything is there."
    )


class PoolFromXml(Input):
    """A pool as libvirt has it."""

    host_id: UUID
    xml: Annotated[str, StringConstraints(max_length=100_000)]


class PoolAutostart(Input):
    """Whether it starts with its host."""

    has_autostart: Flag


class PoolDelete(Schema):
    """What becomes of the files."""

    data: Literal["keep", "delete"] = Field("keep", description="delete: every volume goes, too.")


class VolumeFilter(Paging):
    """Which volumes."""

    q: str = Field("", max_length=200, description="Only volumes with this in their name.")


class VolumeCreate(Input):
    """A volume to be made."""

    name: Line
    capacity_bytes: SizeBytes
    format: Literal["qcow2", "raw"] = "qcow2"
    is_preallocated: Flag = Field(False, description="Take all its space at once.")


class VolumeClone(Input):
    """Where a copy goes."""

    name: Line
    pool_id: UUID | None = Field(None, description="The same pool unless told otherwise.")
    format: Literal["qcow2", "raw"] | None = Field(None, description="Null: as it is.")


class VolumeResize(Input):
    """The new size."""

    capacity_bytes: SizeBytes
    is_shrink_confirmed: Flag = Field(
        False, description="Needed to shrink, which cuts off what is behind the new end."
    )


class VolumeMove(Input):
    """Where to."""

    pool_id: UUID


class DiskGrow(Input):
    """The new size of a disk."""

    capacity_bytes: SizeBytes


class DeleteChoice(Schema):
    """What goes with a guest."""

    delete_disk: list[Line] = Field(
        default_factory=list,
        max_length=64,
        description="Target of a disk to delete; may be repeated.",
    )


class GroupWrite(Input):
    """Name and description of a group."""

    name: Line
    description: Text = ""


class GroupChange(Input):
    """What to change of a group; null leaves it as it is."""

    name: Line | None = None
    description: Text | None = None


class MemberAdd(Input):
    """Somebody for a group: the exact user name."""

    username: Line
    is_manager: Flag = False


class MemberChange(Input):
    """Whether a member manages the group."""

    is_manager: Flag


class ShareCreate(Input):
    """Whom to share a guest with: a person by the exact user name, or a group; not both."""

    username: Line | None = None
    group_id: UUID | None = None
    role: VmRole


class ShareChange(Input):
    """The role of a share."""

    role: VmRole


Bound = Annotated[int, Field(strict=True, ge=0, le=MAX_BIGINT)] | Literal["unlimited"] | None


class QuotaLimits(Input):
    """Limits of each resource: a number, "unlimited", or null where nothing is said."""

    guests: Bound = None
    running: Bound = None
    vcpus: Bound = None
    memory_mib: Bound = None
    disk_bytes: Bound = None


class MeChange(Input):
    """What is to be different of one's own account; null leaves it as it is."""

    full_name: Line | None = None
    language: Line | None = Field(None, description="A code such as de; empty: as asked for.")


class LeaseChange(Input):
    """When a guest is to end."""

    until: Moment | None = Field(description="With a time zone; null for never.")


Days = Annotated[int, Field(strict=True, ge=0, le=36_500)]


class LeaseRuleChange(Input):
    """How long guests live; null stands for no limit."""

    default_days: Days | None = None
    max_days: Days | None = None
    grace_days: Days = 7
