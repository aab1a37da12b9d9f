"""The words about pools, volumes and disks; vms/messages.py hands most of them out with its own."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

from vms.hypervisor.types import VmState

Text = str | Promise

SENTENCES: dict[str, Text] = {
    "job-left-over": lazy("A part of it is still there; the host lets go of it in a moment."),
    "job-on-target": lazy("Something else is being done with it; wait until that has ended."),
    "volume-needed": lazy("“%(name)s” is still needed: %(by)s."),
    "volume-in-motion": lazy(
        "The guest “%(guest)s” runs and writes to “%(name)s”: a copy would be torn. Shut it down "
        "first."
    ),
    "volume-inserted": lazy(
        "“%(name)s” is in a drive of the running guest “%(guest)s”; eject it there first."
    ),
    "volume-format": lazy("This pool takes %(formats)s."),
    "volume-there-already": lazy("It is in this pool already."),
    "shrink-needs-off": lazy("Only growing works while “%(name)s” runs; power it off to shrink."),
    "shrink-needs-consent": lazy(
        "Shrinking cuts off whatever stands behind the new end. Shrink the file system inside "
        "first, then say here that you have."
    ),
    "unknown-pool": lazy("There is no such storage pool on this host."),
    "pool-name-used": lazy("There is already a storage pool called “%(name)s”, or with its UUID."),
    "pool-must-run": lazy("Start the pool “%(name)s” first: what is in it can be seen only then."),
    "path-rule": lazy("A full path such as /srv/guests, without “..” and a slash at the end."),
    "path-of-system": lazy("“%(path)s” belongs to the host's own system; choose another folder."),
    "device-rule": lazy("A device such as /dev/sdb1 or /dev/disk/by-id/…"),
    "server-rule": lazy("A host name or an IP address."),
    "group-rule": lazy("Letters, digits and + _ . - only, as LVM names volume groups."),
    "disk-cannot-grow": lazy("The disk “%(name)s” is in no pool that kvmweb knows."),
    "disk-stays": lazy(
        "The disk “%(name)s” cannot grow: it is read-only, or volumes of the pool “%(pool)s” "
        "cannot be resized."
    ),
    "lvm-resized-by-hand": lazy(
        "libvirt cannot resize logical volumes. On the host, “lvextend -L SIZE %(path)s” does; "
        "refresh the pool then, and resize “%(name)s” here to the size that it has, so that a "
        "guest that runs learns of it."
    ),
    "logical-name-rule": lazy(
        "The name of a logical volume has letters from A to Z, digits, and + _ . - only."
    ),
    "pool-cannot-resize": lazy("libvirt cannot resize volumes of this kind of pool."),
    "disk-shared-grow": lazy("“%(name)s” is still needed elsewhere and cannot be resized."),
    "disk-only-grows": lazy("It has %(limit)s now; a disk can only grow."),
}

JOB_KINDS: dict[str, Text] = {
    "create-volume": lazy("Create volume"),
    "clone-volume": lazy("Clone volume"),
    "wipe-volume": lazy("Wipe volume"),
    "move-volume": lazy("Move volume"),
    "delete-pool": lazy("Delete pool"),
}

STEPS: dict[str, Text] = {
    "volume": lazy("making the volume"),
    "check-volume": lazy("asking the host who needs it"),
    "copy-volume": lazy("copying"),
    "volumes": lazy("deleting its volumes"),
    "wipe": lazy("overwriting with zeros"),
    "repoint": lazy("handing it over to the guest"),
    "settle": lazy("looking at what was made"),
    "pool": lazy("removing the pool"),
}

ACTIONS: dict[str, Text] = {
    "pool.create": lazy("Create pool"),
    "pool.start": lazy("Start pool"),
    "pool.stop": lazy("Stop pool"),
    "pool.refresh": lazy("Refresh pool"),
    "pool.autostart": lazy("Change autostart of pool"),
    "pool.delete": lazy("Delete pool"),
    "volume.create": lazy("Create volume"),
    "volume.clone": lazy("Clone volume"),
    "volume.resize": lazy("Resize volume"),
    "volume.wipe": lazy("Wipe volume"),
    "volume.move": lazy("Move volume"),
    "volume.delete": lazy("Delete volume"),
}

PAUSED: dict[str, Text] = {
    "no-space": lazy("no space left"),
    "ioerror": lazy("disk error"),
}
"""Why QEMU paused a guest by itself."""

WAYS_OUT: dict[str, Text] = {
    "no-space": lazy(
        "A disk of this guest found no space when it wrote, so QEMU paused it; nothing is lost. "
        "Make room in its storage pool (delete or move volumes, or make the pool larger), then "
        "resume it: it goes on where it stopped."
    ),
    "ioerror": lazy(
        "A disk of this guest could not be read or written, so QEMU paused it. See to the disk of "
        "the host, then resume it."
    ),
}

POOL_KINDS: dict[str, Text] = {
    "dir": lazy("folder"),
    "fs": lazy("disk or partition"),
    "netfs": lazy("network share"),
    "logical": lazy("LVM volume group"),
}
"""Kinds of pools in words; others are called as libvirt calls them."""

POOL_STATES: dict[str, Text] = {
    "active": lazy("running"),
    "inactive": lazy("stopped"),
    "building": lazy("being built"),
    "degraded": lazy("degraded"),
    "inaccessible": lazy("cannot be reached"),
}

COLUMNS: dict[str, Text] = {
    "name": lazy("Volume"),
    "format": lazy("Format"),
    "capacity": lazy("Size"),
    "allocation": lazy("Used"),
}
"""Columns of the list of volumes."""


def pool_kind(kind: str) -> str:
    """Name a kind of pool."""
    return str(POOL_KINDS.get(kind, kind))


def pool_state(state: str) -> str:
    """Name the state of a pool."""
    return str(POOL_STATES.get(state, state))


USES: dict[str, Text] = {
    "disk": lazy("a disk of the guest “%(name)s”"),
    "below": lazy("a disk of the guest “%(name)s” is based on it"),
    "cd": lazy("in the drive of the guest “%(name)s”"),
    "template": lazy("the template “%(name)s” is made from it"),
    "overlay": lazy("the volume “%(name)s” is based on it"),
}
"""How things need a volume."""


def use_of_volume(kind: str, name: str) -> str:
    """Say how something of that name needs a volume."""
    return str(USES[kind]) % {"name": name}


def paused_label(label: str, state: str, reason: str) -> str:
    """Add to the label of a state why QEMU paused the guest by itself, where it did."""
    is_paused = state == VmState.PAUSED.value and reason in PAUSED
    return f"{label}: {PAUSED[reason]}" if is_paused else label


def way_out(state: str, reason: str) -> str:
    """Say what to do about a guest that QEMU paused by itself; "" where it did not."""
    return str(WAYS_OUT.get(reason, "")) if state == VmState.PAUSED.value else ""
