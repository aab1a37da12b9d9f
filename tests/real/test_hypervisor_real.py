"""The hypervisor package on real QEMU. The guest is a blank disk: SeaBIOS is screen enough."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import libvirt
import pytest
from PIL import Image

from tests.support.loopdisk import loop_device
from vms.hypervisor import consoles, domains, networks, nodes, pools, stats, storage
from vms.hypervisor.connection import HostConnection, Lane
from vms.hypervisor.errors import (
    Cancelled,
    DomainNotFound,
    HypervisorError,
    InvalidConfig,
    NameTaken,
    NoSpace,
    OperationFailed,
    PoolInactive,
    PoolNotFound,
    Unsupported,
    VolumeExists,
    VolumeNotFound,
    WrongState,
)
from vms.hypervisor.events import EventFeed
from vms.hypervisor.images import qemu_img_info
from vms.hypervisor.storage_types import PoolKind, PoolSpec
from vms.hypervisor.types import (
    Accelerator,
    ConfigChange,
    DiskSpec,
    EventKind,
    HostEvent,
    NetworkInfo,
    NicSpec,
    PoolInfo,
    Verb,
    VmMetadata,
    VmSpec,
    VmState,
)
from vms.hypervisor.xml.parse import parse_domain

MIB = 2**20
ODD = "ä <b>&\"' # %"

MakeGuest = Callable[..., str]


@pytest.fixture
def make_guest(
    real_host: HostConnection,
    real_pool: PoolInfo,
    real_prefix: str,
    real_cleanup: Callable[[str], None],
) -> MakeGuest:
    """Define a guest with a blank disk and return its UUID."""

    def make(name: str = "", **changes: object) -> str:
        vm_id = str(uuid.uuid4())
        disk = storage.create_volume(
            real_host,
            pool=real_pool.name,
            name=f"{vm_id}.qcow2",
            format="qcow2",
            capacity_bytes=8 * MIB,
        )
        spec = VmSpec(
            uuid=vm_id,
            name=f"{real_prefix}{name or vm_id}",
            vcpus=1,
            memory_mib=64,
            accelerator=Accelerator.QEMU,
            disks=(DiskSpec(disk.path),),
            nics=(),
            metadata=VmMetadata(name=name, owner="alice", template="blank", installation="test"),
        )
        real_cleanup(vm_id)
        domains.define(real_host, replace(spec, **changes))  # type: ignore[arg-type] # any field
        return vm_id

    return make


@pytest.fixture
def running(real_host: HostConnection, make_guest: MakeGuest) -> str:
    """A guest that runs."""
    vm_id = make_guest()
    domains.power(real_host, vm_id, Verb.START)
    return vm_id


class Seen:
    """Collects events and lets a test wait for one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.events: list[HostEvent] = []

    def __call__(self, event: HostEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, kind: EventKind, subject: str, detail: str = "") -> None:
        def is_there() -> bool:
            return any(
                (event.kind, event.subject) == (kind, subject) and detail in ("", event.detail)
                for event in self.events
            )

        with self._changed:
            assert self._changed.wait_for(is_there, timeout=10), self.events


# -- the host ---------------------------------------------------------------------------------


def test_facts_of_the_host_agree_with_the_machine(real_host: HostConnection) -> None:
    facts = nodes.facts(real_host)
    assert facts.driver == "QEMU"
    assert facts.cpus == os.cpu_count()
    assert facts.can_graphics_fd
    meminfo = Path("/proc/meminfo").read_text().split()
    assert facts.memory_mib == int(meminfo[1]) // 1024
    flags = Path("/proc/cpuinfo").read_text()
    if "vmx" not in flags and "svm" not in flags.split():
        assert facts.accelerator is Accelerator.QEMU


def test_the_second_reading_knows_the_load(real_host: HostConnection) -> None:
    meter = nodes.LoadMeter()
    assert meter.read(real_host).cpu_percent is None
    sum(range(2_000_000))
    load = meter.read(real_host)
    assert load.cpu_percent is None or 0 <= load.cpu_percent <= 100
    assert load.memory_used_mib and load.memory_total_mib
    assert load.memory_used_mib < load.memory_total_mib


def test_the_network_of_the_run_is_listed(
    real_host: HostConnection, real_network: NetworkInfo
) -> None:
    assert real_network.is_active
    assert real_network.forward == ""
    networks.ensure_started(real_host, real_network.name)  # a second time changes nothing
    assert real_network in networks.list_all(real_host)


# -- life and power ---------------------------------------------------------------------------


def test_a_new_guest_is_accepted_by_libvirt_and_starts(
    real_host: HostConnection, make_guest: MakeGuest, real_prefix: str, real_network: NetworkInfo
) -> None:
    vm_id = make_guest(ODD, nics=(NicSpec(real_network.name),), description=f"{ODD}\nzwei")
    record = domains.get(real_host, vm_id)
    assert record.name == f"{real_prefix}{ODD}"
    assert record.state is VmState.OFF
    assert record.is_persistent
    domains.power(real_host, vm_id, Verb.START)
    seen = parse_domain(domains.get(real_host, vm_id).xml)
    assert seen.description == f"{ODD}\nzwei"
    assert seen.metadata == VmMetadata(ODD, "alice", "blank", "test")
    assert seen.graphics == ("vnc",)
    assert seen.has_guest_agent
    assert seen.nics[0].target  # plugged into the host
    assert [disk.target for disk in seen.disks] == ["vda", "sda"]
    assert vm_id in {listed.uuid for listed in domains.list_all(real_host)}


def test_a_new_guest_has_no_tcp_port_for_its_screen(
    real_host: HostConnection, running: str
) -> None:
    xml = domains.get(real_host, running).xml
    assert "type='vnc'" in xml
    assert "port=" not in xml[xml.index("<graphics") : xml.index("</graphics>")]


def test_eight_pci_ports_are_free_for_later(real_host: HostConnection, running: str) -> None:
    xml = domains.get(real_host, running).xml
    ports = xml.count("model='pcie-root-port'>")
    used = {
        part.split("'")[0]
        for part in xml.split("<address type='pci' domain='0x0000' bus='")[1:]
        if not part.startswith("0x00'")
    }
    assert ports - len(used) == 8


def test_pause_and_resume(real_host: HostConnection, running: str) -> None:
    domains.power(real_host, running, Verb.PAUSE)
    assert domains.get(real_host, running).state is VmState.PAUSED
    domains.power(real_host, running, Verb.RESUME)
    assert domains.get(real_host, running).state is VmState.RUNNING


@pytest.mark.parametrize("verb", [v for v in Verb if v is not Verb.START])
def test_a_guest_that_is_off_refuses(
    real_host: HostConnection, make_guest: MakeGuest, verb: Verb
) -> None:
    vm_id = make_guest()
    with pytest.raises(WrongState):
        domains.power(real_host, vm_id, verb)
    assert domains.get(real_host, vm_id).state is VmState.OFF


@pytest.mark.parametrize("verb", [Verb.START, Verb.RESUME])
def test_a_guest_that_runs_refuses(real_host: HostConnection, running: str, verb: Verb) -> None:
    with pytest.raises(WrongState):
        domains.power(real_host, running, verb)


def test_power_off_is_told_by_its_reason(real_host: HostConnection, running: str) -> None:
    domains.power(real_host, running, Verb.POWER_OFF)
    record = domains.get(real_host, running)
    assert (record.state, record.state_reason) == (VmState.OFF, "destroyed")
    domains.destroy_if_active(real_host, running)  # fine a second time


def test_undefine_forgets_a_saved_state_too(real_host: HostConnection, running: str) -> None:
    real_host.call(
        Lane.VERBS, lambda conn: conn.lookupByUUIDString(running).managedSave(0), timeout_s=60
    )
    domains.undefine(real_host, running)
    with pytest.raises(DomainNotFound):
        domains.get(real_host, running)
    domains.undefine(real_host, running)


def test_a_name_in_use_is_refused(real_host: HostConnection, make_guest: MakeGuest) -> None:
    make_guest("twin")
    with pytest.raises(NameTaken):
        make_guest("twin")


@pytest.mark.parametrize("name", ["a/b", "a\nb", "a\x07b"])
def test_a_name_that_libvirt_does_not_take_is_refused(make_guest: MakeGuest, name: str) -> None:
    with pytest.raises(InvalidConfig):
        make_guest(name)


def test_kvm_without_the_cpu_is_refused_and_nothing_is_defined(
    real_host: HostConnection, make_guest: MakeGuest
) -> None:
    own = str(uuid.uuid4())
    with pytest.raises(HypervisorError):
        make_guest(uuid=own, accelerator=Accelerator.KVM, arch="s390x")
    with pytest.raises(DomainNotFound):
        domains.get(real_host, own)


# -- edits --------------------------------------------------------------------------------------


def test_an_edit_keeps_the_vnc_password_and_what_we_do_not_know(
    real_host: HostConnection, make_guest: MakeGuest, real_prefix: str
) -> None:
    vm_id = make_guest("old")

    def add_expert_things(conn: libvirt.virConnect) -> None:
        xml = conn.lookupByUUIDString(vm_id).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        xml = xml.replace("<graphics type='vnc'", "<graphics type='vnc' passwd='geheim'")
        xml = xml.replace("<on_crash>destroy</on_crash>", "<on_crash>preserve</on_crash>")
        conn.defineXML(xml)

    real_host.call(Lane.VERBS, add_expert_things)
    change = ConfigChange(name=f"{real_prefix}{ODD} new", vcpus=3, memory_mib=96, boot=("sda",))
    record = domains.change_config(real_host, vm_id, change)
    assert record.name == f"{real_prefix}{ODD} new"
    assert "geheim" not in record.xml
    seen = parse_domain(record.xml)
    assert (seen.vcpus, seen.memory_mib) == (3, 96)
    assert [disk.boot_order for disk in seen.disks] == [None, 1]
    secret = real_host.call(
        Lane.VERBS,
        lambda conn: conn.lookupByUUIDString(vm_id).XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE),
    )
    assert "passwd='geheim'" in secret
    assert "<on_crash>preserve</on_crash>" in secret
    domains.power(real_host, vm_id, Verb.START)


def test_hardware_of_a_running_guest_is_not_edited(real_host: HostConnection, running: str) -> None:
    with pytest.raises(WrongState):
        domains.change_config(real_host, running, ConfigChange(vcpus=2))


def test_a_description_of_a_running_guest_is_kept_when_it_is_off(
    real_host: HostConnection, running: str
) -> None:
    text = f"  {ODD}\n\n<script>alert(1)</script>\tü "
    domains.set_description(real_host, running, text)
    assert parse_domain(domains.get(real_host, running).xml).description == text
    domains.power(real_host, running, Verb.POWER_OFF)
    assert parse_domain(domains.get(real_host, running).xml).description == text
    domains.set_description(real_host, running, "")
    assert parse_domain(domains.get(real_host, running).xml).description == ""


def test_metadata_is_written_beside_that_of_others(real_host: HostConnection, running: str) -> None:
    real_host.call(
        Lane.VERBS,
        lambda conn: conn.lookupByUUIDString(running).setMetadata(
            libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<other/>", "o", "urn:other", 0
        ),
    )
    domains.set_metadata(real_host, running, VmMetadata(ODD, "bob", ODD, "x"))
    xml = domains.get(real_host, running).xml
    assert parse_domain(xml).metadata == VmMetadata(ODD, "bob", ODD, "x")
    assert "urn:other" in xml


def test_a_medium_goes_in_and_out_of_a_running_guest(
    real_host: HostConnection, running: str, real_pool: PoolInfo
) -> None:
    iso = storage.upload_bytes(
        real_host, pool=real_pool.name, name=f"{running} & co.iso", data=bytes(4096)
    )
    assert iso.format == "iso"
    for path in (iso.path, ""):
        domains.change_media(real_host, running, path=path)
        for xml in (
            domains.get(real_host, running).xml,
            domains.get_inactive_xml(real_host, running),
        ):
            drive = next(d for d in parse_domain(xml).disks if d.device == "cdrom")
            assert drive.source == path


def test_a_guest_without_a_drive_gets_one_when_it_is_off(
    real_host: HostConnection, make_guest: MakeGuest, real_pool: PoolInfo
) -> None:
    vm_id = make_guest()

    def remove_drive(conn: libvirt.virConnect) -> None:
        xml = conn.lookupByUUIDString(vm_id).XMLDesc(0)
        start = xml.index("<disk type='file' device='cdrom'>")
        end = xml.index("</disk>", start) + len("</disk>")
        conn.defineXML(xml[:start] + xml[end:])

    real_host.call(Lane.VERBS, remove_drive)
    iso = storage.upload_bytes(real_host, pool=real_pool.name, name=f"{vm_id}.iso", data=bytes(99))
    domains.power(real_host, vm_id, Verb.START)
    with pytest.raises(Unsupported) as caught:
        domains.change_media(real_host, vm_id, path=iso.path)
    assert caught.value.params == {"what": "cdrom"}
    domains.power(real_host, vm_id, Verb.POWER_OFF)
    domains.change_media(real_host, vm_id, path=iso.path)
    assert parse_domain(domains.get(real_host, vm_id).xml).disks[1].source == iso.path
    domains.power(real_host, vm_id, Verb.START)


# -- screen and numbers ---------------------------------------------------------------------------


def test_the_screen_is_a_socket_that_speaks_rfb(real_host: HostConnection, running: str) -> None:
    with consoles.open_graphics(real_host, running) as screen:
        assert not screen.get_inheritable()
        assert not screen.getblocking()
        screen.settimeout(5)
        assert screen.recv(12) == b"RFB 003.008\n"
        screen.sendall(b"RFB 003.008\n")
        count = screen.recv(1)[0]
        assert 1 in screen.recv(count, socket.MSG_WAITALL)  # security type None


def test_a_guest_that_is_off_has_no_screen(
    real_host: HostConnection, make_guest: MakeGuest
) -> None:
    vm_id = make_guest()
    with pytest.raises(WrongState):
        consoles.open_graphics(real_host, vm_id)
    with pytest.raises(WrongState):
        domains.screenshot(real_host, vm_id)
    assert domains.addresses(real_host, vm_id) == ()


def test_a_screenshot_is_a_picture(real_host: HostConnection, running: str, tmp_path: Path) -> None:
    picture = domains.screenshot(real_host, running)
    assert picture.mime_type in ("image/png", "image/x-portable-pixmap")
    file = tmp_path / "picture"
    file.write_bytes(picture.data)
    with Image.open(file) as image:
        assert image.size >= (320, 200)


def test_numbers_grow_from_sample_to_sample(real_host: HostConnection, running: str) -> None:
    first = next(c for c in stats.sample(real_host) if c.uuid == running)
    assert first.state is VmState.RUNNING
    assert first.vcpus == 1
    domains.screenshot(real_host, running)
    domains.addresses(real_host, running)
    second = next(c for c in stats.sample(real_host) if c.uuid == running)
    assert second.at_s > first.at_s
    assert first.cpu_time_ns and second.cpu_time_ns
    assert second.cpu_time_ns >= first.cpu_time_ns
    assert second.memory_total_kib == 64 * 1024
    assert second.memory_used_kib
    assert second.disk_read_bytes is not None


def test_a_guest_that_is_off_has_no_numbers(
    real_host: HostConnection, make_guest: MakeGuest
) -> None:
    vm_id = make_guest()
    found = next(c for c in stats.sample(real_host) if c.uuid == vm_id)
    assert found.state is VmState.OFF
    assert found.memory_used_kib is None
    assert found.net_rx_bytes is None


# -- events ---------------------------------------------------------------------------------------


def test_events_tell_of_what_others_do(
    real_host: HostConnection, make_guest: MakeGuest, real_pool: PoolInfo
) -> None:
    seen = Seen()
    feed = EventFeed(real_host, seen)
    feed.start()
    try:
        vm_id = make_guest()
        seen.wait_for(EventKind.CONNECTION_MADE, "")
        seen.wait_for(EventKind.DOMAIN_CHANGED, vm_id, "defined")
        domains.power(real_host, vm_id, Verb.START)
        seen.wait_for(EventKind.DOMAIN_CHANGED, vm_id, "started")
        domains.set_description(real_host, vm_id, "new")
        seen.wait_for(EventKind.DOMAIN_CHANGED, vm_id, "metadata")
        domains.power(real_host, vm_id, Verb.RESET)
        seen.wait_for(EventKind.DOMAIN_CHANGED, vm_id, "rebooted")
        domains.power(real_host, vm_id, Verb.POWER_OFF)
        seen.wait_for(EventKind.DOMAIN_CHANGED, vm_id, "stopped")
        domains.undefine(real_host, vm_id)
        seen.wait_for(EventKind.DOMAIN_REMOVED, vm_id)
        storage.list_volumes(real_host, real_pool.name, refresh=True)
        seen.wait_for(EventKind.POOL_CHANGED, real_pool.uuid)
    finally:
        feed.stop()
    count = len(seen.events)
    make_guest()
    assert len(seen.events) == count


# -- storage --------------------------------------------------------------------------------------


def test_a_pool_is_made_once(real_host: HostConnection, real_pool: PoolInfo) -> None:
    again = storage.ensure_dir_pool(real_host, real_pool.name, real_pool.path)
    assert again.uuid == real_pool.uuid
    assert again.has_autostart
    assert again.uuid in {pool.uuid for pool in storage.list_pools(real_host)}


def test_an_overlay_is_as_large_as_asked_and_names_its_base(
    real_host: HostConnection, real_pool: PoolInfo
) -> None:
    base = storage.create_volume(
        real_host,
        pool=real_pool.name,
        name=f"base {ODD}.qcow2",
        format="qcow2",
        capacity_bytes=5 * MIB,
    )
    overlay = storage.create_overlay(
        real_host,
        pool=real_pool.name,
        name=f"top {ODD}.qcow2",
        backing=base,
        capacity_bytes=7 * MIB,
    )
    assert overlay.capacity_bytes == 7 * MIB
    assert overlay.backing_path == base.path
    info = qemu_img_info(Path(overlay.path))
    assert (info.format, info.virtual_size_bytes) == ("qcow2", 7 * MIB)
    assert info.backing_path == base.path
    assert not info.has_data_file
    assert storage.find_by_path(real_host, overlay.path) == overlay


def test_an_overlay_is_refused_with_the_reason(
    real_host: HostConnection, real_pool: PoolInfo
) -> None:
    base = storage.create_volume(
        real_host, pool=real_pool.name, name="b.qcow2", format="qcow2", capacity_bytes=5 * MIB
    )

    def overlay(**changes: object) -> object:
        wanted: dict[str, object] = {
            "pool": real_pool.name,
            "name": "o.qcow2",
            "backing": base,
            "capacity_bytes": 5 * MIB,
        }
        return storage.create_overlay(real_host, **(wanted | changes))  # type: ignore[arg-type] # any

    with pytest.raises(VolumeNotFound) as caught:
        overlay(backing=replace(base, name="nowhere.qcow2", path="/nowhere.qcow2"))
    assert caught.value.params["name"] == "/nowhere.qcow2"
    with pytest.raises(InvalidConfig):
        overlay(capacity_bytes=4 * MIB)
    with pytest.raises(PoolNotFound):
        overlay(pool="no such pool")
    with pytest.raises(OperationFailed):
        overlay(name="../up.qcow2")
    with pytest.raises(VolumeExists):
        overlay(name="b.qcow2")
    with pytest.raises(VolumeNotFound):
        storage.get_volume(real_host, pool=real_pool.name, name="o.qcow2")


@pytest.mark.parametrize("size", [0, 1, 511, MIB, 3 * MIB + 1])
def test_uploaded_bytes_are_identical(
    real_host: HostConnection, real_pool: PoolInfo, size: int
) -> None:
    data = os.urandom(size)
    made = storage.upload_bytes(real_host, pool=real_pool.name, name=f"{size}.img", data=data)
    assert made.capacity_bytes == size
    assert Path(made.path).read_bytes() == data
    storage.delete_volume(real_host, pool=real_pool.name, name=made.name)
    storage.delete_volume(real_host, pool=real_pool.name, name=made.name)
    assert not Path(made.path).exists()


def test_an_uploaded_image_is_seen_in_its_format_and_grown(
    real_host: HostConnection, real_pool: PoolInfo
) -> None:
    source = storage.create_volume(
        real_host, pool=real_pool.name, name="src.qcow2", format="qcow2", capacity_bytes=5 * MIB
    )
    steps: list[int] = []
    made = storage.upload_file(
        real_host,
        pool=real_pool.name,
        name="copy.qcow2",
        format="qcow2",
        path=Path(source.path),
        capacity_bytes=9 * MIB,
        progress=steps.append,
    )
    assert (made.format, made.capacity_bytes) == ("qcow2", 9 * MIB)
    assert steps[-1] == Path(source.path).stat().st_size


def test_nothing_stays_of_an_upload_that_does_not_end(
    real_host: HostConnection, real_pool: PoolInfo, tmp_path: Path
) -> None:
    source = tmp_path / "source.img"
    source.write_bytes(os.urandom(4 * MIB))
    with pytest.raises(Cancelled):
        storage.upload_file(
            real_host,
            pool=real_pool.name,
            name="half.img",
            format="raw",
            path=source,
            cancelled=iter([False, False, True]).__next__,
        )
    with pytest.raises(OperationFailed):
        storage.upload_file(
            real_host, pool=real_pool.name, name="half.img", format="qcow2", path=source
        )
    names = {v.name for v in storage.list_volumes(real_host, real_pool.name, refresh=True)}
    assert "half.img" not in names


@pytest.fixture
def small_pool(real_host: HostConnection, real_prefix: str, real_pool: PoolInfo) -> Iterator[str]:
    """The name of a pool of 16 MiB."""
    name, place = f"{real_prefix}small", f"{real_pool.path}-small"
    with loop_device(Path(f"{place}.loop"), 16 * MIB) as device:
        spec = PoolSpec(name, PoolKind.FS, path=place, device=device, is_formatted=True)
        pools.define(real_host, spec)
        yield name
        pools.stop(real_host, name)
        pools.undefine(real_host, name)
        Path(place).rmdir()


def test_an_upload_that_cannot_fit_is_refused_before_it_starts(
    real_host: HostConnection, small_pool: str, tmp_path: Path
) -> None:
    """What counts is how much of the file is no hole."""
    huge = tmp_path / "huge.img"
    with huge.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 32 * MIB)
    with pytest.raises(NoSpace):
        storage.upload_file(real_host, pool=small_pool, name="huge.img", format="raw", path=huge)
    names = {v.name for v in storage.list_volumes(real_host, small_pool, refresh=True)}
    assert "huge.img" not in names
    with huge.open("wb") as file:
        file.truncate(32 * MIB)
    storage.upload_file(real_host, pool=small_pool, name="huge.img", format="raw", path=huge)


def test_a_pool_that_is_off_is_told_apart_from_one_that_is_missing(
    real_host: HostConnection, real_prefix: str, real_pool: PoolInfo
) -> None:
    name = f"{real_prefix}off"
    storage.ensure_dir_pool(real_host, name, f"{real_pool.path}-off")
    real_host.call(Lane.VERBS, lambda conn: conn.storagePoolLookupByName(name).destroy())
    with pytest.raises(PoolInactive):
        storage.list_volumes(real_host, name)
    with pytest.raises(PoolInactive):
        storage.create_volume(real_host, pool=name, name="x", format="raw", capacity_bytes=1)
