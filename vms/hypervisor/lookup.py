"""From a UUID to a libvirt domain, and from that to our words. Runs on a lane's thread."""

from __future__ import annotations

import libvirt

from .types import DomainRecord, VmState

STATES = {
    libvirt.VIR_DOMAIN_RUNNING: VmState.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: VmState.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: VmState.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: VmState.SHUTTING_DOWN,
    libvirt.VIR_DOMAIN_SHUTOFF: VmState.OFF,
    libvirt.VIR_DOMAIN_CRASHED: VmState.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: VmState.SUSPENDED,
}
_REASON_PREFIXES = {
    libvirt.VIR_DOMAIN_RUNNING: "VIR_DOMAIN_RUNNING_",
    libvirt.VIR_DOMAIN_PAUSED: "VIR_DOMAIN_PAUSED_",
    libvirt.VIR_DOMAIN_SHUTDOWN: "VIR_DOMAIN_SHUTDOWN_",
    libvirt.VIR_DOMAIN_SHUTOFF: "VIR_DOMAIN_SHUTOFF_",
    libvirt.VIR_DOMAIN_CRASHED: "VIR_DOMAIN_CRASHED_",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "VIR_DOMAIN_PMSUSPENDED_",
}
# The reasons as this libvirt-python knows them: each release adds some.
_REASONS = {
    state: {
        value: name.removeprefix(prefix).lower().replace("_", "-")
        for name, value in vars(libvirt).items()
        if name.startswith(prefix) and isinstance(value, int)
    }
    for state, prefix in _REASON_PREFIXES.items()
}


def state_of(code: int) -> VmState:
    """Return our word for a virDomainState."""
    return STATES.get(code, VmState.UNKNOWN)


def reason_of(state_code: int, reason_code: int) -> str:
    """Return libvirt's reason as a word such as "destroyed", or "" where it gives none."""
    word = _REASONS.get(state_code, {}).get(reason_code, "")
    return "" if word == "unknown" else word


IO_ERROR = "ioerror"
NO_SPACE = "no-space"
"""Our own word: QEMU stopped the guest because a disk found no space when it was written to."""


def exact_reason(domain: libvirt.virDomain, word: str) -> str:
    """Return the reason, where it is an I/O error after a look at what the disks say of it."""
    if word != IO_ERROR:
        return word
    try:
        errors = domain.diskErrors(0)
    except libvirt.libvirtError:
        return word
    is_full = libvirt.VIR_DOMAIN_DISK_ERROR_NO_SPACE in errors.values()
    return NO_SPACE if is_full else word


def find(conn: libvirt.virConnect, uuid: str) -> libvirt.virDomain:
    """Return the domain, or raise libvirtError."""
    return conn.lookupByUUIDString(uuid)


def state(domain: libvirt.virDomain) -> VmState:
    """Return the state of the domain now."""
    return state_of(domain.state()[0])


def has_name(conn: libvirt.virConnect, name: str, *, but: str) -> bool:
    """Return whether a domain other than that with UUID `but` has this name."""
    try:
        found = conn.lookupByName(name)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return False
        raise
    return bool(found.UUIDString() != but)


def record(domain: libvirt.virDomain) -> DomainRecord:
    """Return what is listed of one domain; raises libvirtError only where it is gone."""
    state_code, reason_code = domain.state()
    return DomainRecord(
        uuid=domain.UUIDString(),
        name=domain.name(),
        state=state_of(state_code),
        state_reason=exact_reason(domain, reason_of(state_code, reason_code)),
        is_persistent=bool(domain.isPersistent()),
        has_autostart=bool(domain.autostart()),
        xml=xml_of(domain),
    )


def xml_of(domain: libvirt.virDomain) -> str:
    """Return the XML without secrets; "" where libvirt cannot give it though the domain lives."""
    try:
        return str(domain.XMLDesc(0))
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return ""
