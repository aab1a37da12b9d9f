"""Change a guest: its description at any time, its definition while it is off, its CD at any
time.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction

from vms import selectors
from vms.hypervisor import domains
from vms.hypervisor.errors import HypervisorError, NameTaken
from vms.hypervisor.types import ConfigChange, Domain, VmState
from vms.hypervisor.xml.parse import parse_domain
from vms.models import VM
from vms.policy import Action, Actor
from vms.problems import Invalid, NotFound, Problem, Refused
from vms.services import (
    audit,
    busy,
    creation,
    hosts,
    machines,
    names,
    quotas,
    sync,
    templates,
    usage,
)
from vms.services.usage import Amounts


@dataclass(frozen=True, slots=True)
class BootDevice:
    """A device that a guest could boot from; `key` is a disk's target or an interface's MAC."""

    key: str
    kind: str
    """disk, cdrom, floppy or network."""
    label: str
    order: int | None


def details(*, actor: Actor, vm_id: selectors.Identifier) -> Domain:
    """Read the guest's devices from its XML as last seen; no call to the host."""
    return parse_domain(selectors.vm(actor, vm_id).xml)


def boot_devices(domain: Domain) -> tuple[BootDevice, ...]:
    """List what the guest could boot from: those with an order first, in that order."""
    devices = [
        BootDevice(
            disk.target,
            disk.device,
            disk.source.rsplit("/", 1)[-1],
            _order(domain, disk.device, disk.boot_order),
        )
        for disk in domain.disks
    ] + [
        BootDevice(nic.mac, "network", nic.source, _order(domain, "network", nic.boot_order))
        for nic in domain.nics
    ]
    return tuple(sorted(devices, key=lambda device: (device.order is None, device.order or 0)))


_OS_BOOT = {"disk": "hd", "cdrom": "cdrom", "floppy": "fd", "network": "network"}


def _order(domain: Domain, kind: str, own: int | None) -> int | None:
    """A device's own boot order, else the place of its kind in `<os><boot>`."""
    if own is not None:
        return own
    word = _OS_BOOT.get(kind, "")
    return domain.os_boot.index(word) + 1 if word in domain.os_boot else None


def set_description(*, actor: Actor, vm_id: selectors.Identifier, description: str) -> VM:
    """Set the description; works in every state. Line ends become "\\n", as XML has them."""
    vm = _editable(actor, vm_id)
    text = machines.plain_lines(description)
    if errors := machines.description_errors(text):
        raise Invalid(errors)
    trail = audit.Trail(
        actor,
        "vm.describe",
        audit.about(vm),
        command=f"virsh desc {vm.domain_uuid} --live --config",
    )
    with audit.audited(trail):
        host = hosts.connection(vm.host)
        domains.set_description(host, str(vm.domain_uuid), text)
        _look_again(vm)
    return vm


def change_config(
    *,
    actor: Actor,
    vm_id: selectors.Identifier,
    name: str | None = None,
    vcpus: int | None = None,
    memory_mib: int | None = None,
    boot: tuple[str, ...] | None = None,
) -> VM:
    """Change the definition of a guest that is off; None leaves a thing as it is.

    Raises Refused("must-be-off"), Invalid with a problem per field; then nothing was changed.
    """
    vm = _editable(actor, vm_id)
    change = _difference(vm, ConfigChange(name, vcpus, memory_mib, boot))
    if change == ConfigChange():
        return vm
    if errors := _change_errors(vm, change):
        raise Invalid(errors)
    trail = audit.Trail(actor, Action.VM_EDIT.value, audit.about(vm), detail=_detail(change))
    with audit.audited(trail), quotas.held(actor=actor, vm=vm, wanted=_wanted(vm, change)):
        _apply(vm, change)
    return vm


def check(
    *,
    actor: Actor,
    vm_id: selectors.Identifier,
    description: str | None = None,
    name: str | None = None,
    vcpus: int | None = None,
    memory_mib: int | None = None,
    boot: tuple[str, ...] | None = None,
) -> None:
    """Raise what `change_config` and `set_description` would, for who wants both or neither."""
    vm = _editable(actor, vm_id)
    change = _difference(vm, ConfigChange(name, vcpus, memory_mib, boot))
    errors = _change_errors(vm, change) if change != ConfigChange() else {}
    errors |= machines.description_errors(machines.plain_lines(description or ""))
    if errors:
        raise Invalid(errors)
    quotas.check(actor=actor, vm=vm, wanted=_wanted(vm, change))


def _wanted(vm: VM, change: ConfigChange) -> Amounts:
    """Say what the guest has in all after the change."""
    more = {"vcpus": change.vcpus, "memory_mib": change.memory_mib}
    said = {name: value for name, value in more.items() if value is not None}
    return replace(usage.of_guest(vm), **said)


def _difference(vm: VM, wanted: ConfigChange) -> ConfigChange:
    """Leave out what the guest is already. Raises Refused where more than that is left to do."""
    change = replace(
        wanted,
        name=None if wanted.name == vm.name else wanted.name,
        vcpus=None if wanted.vcpus == vm.vcpus else wanted.vcpus,
        memory_mib=None if wanted.memory_mib == vm.memory_mib else wanted.memory_mib,
    )
    if change != ConfigChange() and vm.vm_state is not VmState.OFF:
        raise Refused("must-be-off")
    return change


def _editable(actor: Actor, vm_id: selectors.Identifier) -> VM:
    vm = selectors.vm(actor, vm_id, Action.VM_EDIT)
    busy.require_free(vm)
    return vm


def _detail(change: ConfigChange) -> dict[str, str | int | list[str]]:
    fields = {"name": change.name, "vcpus": change.vcpus, "memory_mib": change.memory_mib}
    detail: dict[str, str | int | list[str]] = {
        key: value for key, value in fields.items() if value is not None
    }
    return detail if change.boot is None else {**detail, "boot": list(change.boot)}


def _change_errors(vm: VM, change: ConfigChange) -> dict[str, Problem]:
    vcpus = vm.vcpus if change.vcpus is None else change.vcpus
    memory_mib = vm.memory_mib if change.memory_mib is None else change.memory_mib
    sizes = templates.size_problems(vm.host, vcpus, memory_mib)
    touched = {"vcpus": change.vcpus, "memory_mib": change.memory_mib}
    errors = {key: problem for key, problem in sizes.items() if touched[key] is not None}
    if change.name is not None:
        if problem := names.name_problem(change.name):
            errors["name"] = problem
        elif VM.objects.filter(owner=vm.owner, name=change.name).exclude(pk=vm.pk).exists():
            errors["name"] = Problem("name-used", name=change.name)
    known = {device.key for device in boot_devices(parse_domain(vm.xml))}
    for key in change.boot or ():
        if key not in known:
            errors["boot"] = Problem("boot-unknown", name=key)
    return errors


def _apply(vm: VM, change: ConfigChange) -> None:
    """Reserve the new name, change the host, and give the old name back where the host refuses."""
    old_name = vm.name
    if change.name is not None:
        _reserve_name(vm, change.name)
    try:
        _change_host(vm, change)
    except BaseException:
        if change.name is not None:
            _reserve_name(vm, old_name)
            with suppress(HypervisorError):
                _remember(vm)
        raise
    _look_again(vm)


def _reserve_name(vm: VM, name: str) -> None:
    vm.name = name
    try:
        with transaction.atomic():
            VM.objects.filter(pk=vm.pk).update(name=name)
    except IntegrityError:
        raise Invalid({"name": Problem("name-used", name=name)}) from None


def _change_host(vm: VM, change: ConfigChange) -> None:
    host, uuid = hosts.connection(vm.host), str(vm.domain_uuid)
    if change.name is None:
        domains.change_config(host, uuid, change)
        return
    _remember(vm)
    old = vm.libvirt_name
    for libvirt_name in names.candidates(change.name):
        sync.expect_libvirt_name(vm, libvirt_name)
        try:
            domains.change_config(host, uuid, replace(change, name=libvirt_name))
        except NameTaken:
            continue
        except BaseException:
            sync.expect_libvirt_name(vm, old)
            raise
        return
    sync.expect_libvirt_name(vm, old)
    raise NameTaken(name=change.name)


def _remember(vm: VM) -> None:
    """Write the guest's new name into the domain's metadata, where kvmweb made that domain."""
    if parse_domain(vm.xml).metadata is not None:
        domains.set_metadata(hosts.connection(vm.host), str(vm.domain_uuid), creation.metadata(vm))


def _look_again(vm: VM) -> None:
    record = domains.get(hosts.connection(vm.host), str(vm.domain_uuid))
    sync.observe_domain(vm.host, record)
    vm.refresh_from_db()


def insert_iso(*, actor: Actor, vm_id: selectors.Identifier, image_id: selectors.Identifier) -> VM:
    """Put an ISO into the guest's CD-ROM drive, in place of what is in it. Raises
    Invalid("image").
    """
    vm = selectors.vm(actor, vm_id, Action.VM_MEDIA)
    try:
        image = selectors.image(actor, image_id)
    except NotFound:
        raise Invalid({"image": Problem("unknown-image")}) from None
    if not image.is_iso or image.pool.host_id != vm.host_id:
        raise Invalid({"image": Problem("unknown-image")})
    return _change_media(actor, vm, image.path, "vm.insert-iso", image.name)


def eject_iso(*, actor: Actor, vm_id: selectors.Identifier) -> VM:
    """Empty the guest's CD-ROM drive; an empty one stays empty."""
    vm = selectors.vm(actor, vm_id, Action.VM_MEDIA)
    return _change_media(actor, vm, "", "vm.eject-iso", "")


def _change_media(actor: Actor, vm: VM, path: str, action: str, medium: str) -> VM:
    busy.require_free(vm)
    trail = audit.Trail(actor, action, audit.about(vm), detail={"medium": medium})
    with audit.audited(trail):
        domains.change_media(hosts.connection(vm.host), str(vm.domain_uuid), path=path)
        _look_again(vm)
    return vm
