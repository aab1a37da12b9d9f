"""The values that cross the boundary of `hypervisor/`: frozen dataclasses and enums.

Nothing here does I/O. Sizes and times carry their unit in the name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from .hardware import Discard, DiskCache, GuestOptions, Hardware


class VmState(StrEnum):
    """What a domain is doing, in words that are the same for every driver."""

    RUNNING = "running"
    PAUSED = "paused"
    SHUTTING_DOWN = "shutting-down"
    SUSPENDED = "suspended"
    OFF = "off"
    CRASHED = "crashed"
    UNKNOWN = "unknown"

    @property
    def is_active(self) -> bool:
        """True while the domain has a process on the host."""
        return self in ACTIVE_STATES


ACTIVE_STATES = frozenset(
    {VmState.RUNNING, VmState.PAUSED, VmState.SHUTTING_DOWN, VmState.SUSPENDED}
)


class Verb(StrEnum):
    """What a person can do to the power of a domain."""

    START = "start"
    SHUTDOWN = "shutdown"
    REBOOT = "reboot"
    RESET = "reset"
    POWER_OFF = "power-off"
    PAUSE = "pause"
    RESUME = "resume"


class Accelerator(StrEnum):
    """The `type` attribute of `<domain>` for new guests."""

    KVM = "kvm"
    QEMU = "qemu"
    TEST = "test"


class AcceleratorReason(StrEnum):
    """Why that accelerator was chosen; the sentence is made in vms/messages.py."""

    KVM_WORKS = "kvm-works"
    NO_CPU_FLAGS = "no-cpu-flags"
    NOT_IN_CAPABILITIES = "not-in-capabilities"
    REMOTE_CAPABILITIES = "remote-capabilities"
    TEST_DRIVER = "test-driver"


class PoolState(StrEnum):
    """State of a storage pool."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    BUILDING = "building"
    DEGRADED = "degraded"
    INACCESSIBLE = "inaccessible"


@dataclass(frozen=True, slots=True)
class VmMetadata:
    """What kvmweb writes into a domain's `<metadata>` so that a lost database can be rebuilt.

    `owner` is a user name, `template` a template's name, `installation` the id of the kvmweb that
    wrote it.
    """

    name: str = ""
    owner: str = ""
    template: str = ""
    installation: str = ""
    tags: tuple[str, ...] = ()
    """Written with commas between them, which no tag contains."""
    lease: str = ""
    """When the guest ends, as ISO 8601 in UTC; "" for never."""


@dataclass(frozen=True, slots=True)
class DomainRecord:
    """One domain as listed: what libvirt says without our reading its XML."""

    uuid: str
    name: str
    state: VmState
    state_reason: str
    is_persistent: bool
    has_autostart: bool
    xml: str
    """The live XML while active, else the persistent one, without secrets; "" if unreadable."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A `<disk>` of a domain. `source` is a path, "" for an empty drive or one without a path."""

    target: str
    device: str
    """disk, cdrom, floppy or lun."""
    bus: str
    source: str
    source_pool: str
    source_volume: str
    format: str
    is_readonly: bool
    boot_order: int | None
    backing: tuple[str, ...] = ()
    """Paths of the backing chain, nearest first, as far as the XML shows them (live XML only)."""
    is_mirror_ready: bool = False
    """A copy of it is in step and can take its place."""


@dataclass(frozen=True, slots=True)
class Nic:
    """An `<interface>` of a domain."""

    mac: str
    kind: str
    """network, bridge, direct, user, ..."""
    source: str
    model: str
    target: str
    """Host device name while running (vnet0), else ""."""
    boot_order: int | None


@dataclass(frozen=True, slots=True)
class Serial:
    """A `<serial>` of a domain. `alias` is "" while it is off."""

    kind: str
    """pty, unix, file, tcp ..."""
    alias: str


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain's XML, read defensively: whatever is missing is empty, None or 0."""

    name: str = ""
    title: str = ""
    description: str = ""
    vcpus: int = 0
    memory_mib: int = 0
    arch: str = ""
    machine: str = ""
    type: str = ""
    firmware: str = ""
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    graphics: tuple[str, ...] = ()
    """Types of the graphics devices, e.g. ("vnc",)."""
    serial_count: int = 0
    has_guest_agent: bool = False
    os_boot: tuple[str, ...] = ()
    """`<os><boot dev>` in order: hd, cdrom, network, fd."""
    metadata: VmMetadata | None = None
    is_readable: bool = True
    """False when the XML could not be parsed at all."""


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """A disk of a guest to be made."""

    path: str
    format: str = "qcow2"
    device: str = "disk"
    bus: str = "virtio"
    is_readonly: bool = False
    serial: str = ""
    boot_order: int | None = None
    cache: DiskCache = DiskCache.DEFAULT
    discard: Discard = Discard.UNMAP


@dataclass(frozen=True, slots=True)
class NicSpec:
    """A network interface of a guest to be made; libvirt chooses the MAC when it is ""."""

    network: str
    model: str = "virtio"
    mac: str = ""
    boot_order: int | None = None


@dataclass(frozen=True, slots=True)
class VmSpec:
    """Everything that the XML of a new guest is built from."""

    uuid: str
    name: str
    vcpus: int
    memory_mib: int
    accelerator: Accelerator
    disks: tuple[DiskSpec, ...]
    nics: tuple[NicSpec, ...]
    metadata: VmMetadata
    arch: str = "x86_64"
    description: str = ""
    cdrom_path: str = ""
    """An ISO for the CD-ROM drive that every new guest has; "" leaves it empty."""
    hardware: Hardware = field(default_factory=Hardware)


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What may be changed in a persistent definition; None leaves a thing as it is.

    `boot` names disk targets and MAC addresses in the order wanted; what is not named no longer
    boots.
    """

    name: str | None = None
    vcpus: int | None = None
    memory_mib: int | None = None
    boot: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address of a guest and where it was learnt: agent, lease or arp."""

    address: str
    mac: str
    source: str


@dataclass(frozen=True, slots=True)
class Screenshot:
    """A picture of a screen as the driver gave it: PNG or PPM."""

    data: bytes
    mime_type: str


@dataclass(frozen=True, slots=True)
class PoolInfo:
    """A storage pool; sizes are 0 while it is inactive."""

    uuid: str
    name: str
    kind: str
    state: PoolState
    has_autostart: bool
    capacity_bytes: int
    allocation_bytes: int
    available_bytes: int
    path: str


@dataclass(frozen=True, slots=True)
class VolumeInfo:
    """A volume of a pool. `format` is raw, qcow2, iso ..."""

    pool: str
    name: str
    path: str
    format: str
    capacity_bytes: int
    allocation_bytes: int
    backing_path: str
    is_piece: bool = False
    """Just cut from a device, and so full of what was there before."""


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """A virtual network. `forward` is nat, route, bridge, open ..., or "" for an isolated one."""

    uuid: str
    name: str
    is_active: bool
    has_autostart: bool
    bridge: str
    forward: str


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What a host is; read once per connection."""

    hostname: str
    arch: str
    cpu_model: str
    cpus: int
    """Threads that guests can use."""
    memory_mib: int
    driver: str
    """QEMU, TEST ..., as libvirt names it."""
    libvirt_version: str
    hypervisor_version: str
    accelerator: Accelerator
    accelerator_reason: AcceleratorReason
    can_graphics_fd: bool
    """True where the display can be opened as a descriptor: a local QEMU."""
    options: GuestOptions = field(default_factory=GuestOptions)


@dataclass(frozen=True, slots=True)
class HostLoad:
    """Load of the host itself since the sample before; None where the driver cannot say."""

    cpu_percent: float | None
    memory_used_mib: int | None
    memory_total_mib: int | None


@dataclass(frozen=True, slots=True)
class Counters:
    """Raw running totals of one domain at one moment. None where the driver says nothing.

    `at_s` is a monotonic clock of this process in seconds.
    """

    uuid: str
    at_s: float
    state: VmState
    vcpus: int
    cpu_time_ns: int | None = None
    memory_total_kib: int | None = None
    memory_used_kib: int | None = None
    memory_source: str = ""
    """balloon or rss: what `memory_used_kib` counts."""
    disk_read_bytes: int | None = None
    disk_write_bytes: int | None = None
    net_rx_bytes: int | None = None
    net_tx_bytes: int | None = None


class EventKind(StrEnum):
    """What happened on a host."""

    DOMAIN_CHANGED = "domain-changed"
    """Defined, started, stopped, suspended, edited, rebooted ...: read it again."""
    DOMAIN_REMOVED = "domain-removed"
    POOL_CHANGED = "pool-changed"
    NETWORK_CHANGED = "network-changed"
    CONNECTION_MADE = "connection-made"
    """Events flow from now on: read everything again, some may have been missed."""
    CONNECTION_LOST = "connection-lost"


@dataclass(frozen=True, slots=True)
class HostEvent:
    """A libvirt event, translated. `subject` is the UUID of the domain, pool or network, or ""."""

    kind: EventKind
    subject: str = ""
    detail: str = field(default="")
    """For domains: the lifecycle word (defined, undefined, started, stopped, rebooted, ...)."""
