"""Domains, pools, networks and events on libvirt's own test driver."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest

from vms.hypervisor import consoles, domains, networks, nodes, stats, storage
from vms.hypervisor.connection import HostConnection, Lane
from vms.hypervisor.errors import (
    DomainNotFound,
    HypervisorError,
    InvalidConfig,
    NameTaken,
    NetworkNotFound,
    PoolNotFound,
    Unsupported,
    VolumeExists,
    VolumeNotFound,
    WrongState,
)
from vms.hypervisor.events import EventFeed
from vms.hypervisor.types import (
    Accelerator,
    AcceleratorReason,
    ConfigChange,
    EventKind,
    HostEvent,
    Verb,
    VmMetadata,
    VmState,
)
from vms.hypervisor.xml.parse import parse_domain

ODD = "ä <b>&\"' # %"
MakeGuest = Callable[..., str]


def test_a_guest_lives_from_define_to_undefine(host: HostConnection, make_guest: MakeGuest) -> None:
    vm_id = make_guest()
    steps = {
        Verb.START: VmState.RUNNING,
        Verb.PAUSE: VmState.PAUSED,
        Verb.RESUME: VmState.RUNNING,
        Verb.REBOOT: VmState.RUNNING,
        Verb.RESET: VmState.RUNNING,
        Verb.SHUTDOWN: VmState.OFF,
    }
    for verb, state in steps.items():
        domains.power(host, vm_id, verb)
        assert domains.get(host, vm_id).state is state, verb
    domains.undefine(host, vm_id)
    with pytest.raises(DomainNotFound) as caught:
        domains.get(host, vm_id)
    assert caught.value.params == {"uuid": vm_id}


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.START])
def test_a_guest_that_is_off_refuses(
    host: HostConnection, make_guest: MakeGuest, verb: Verb
) -> None:
    vm_id = make_guest()
    with pytest.raises(WrongState):
        domains.power(host, vm_id, verb)


def test_a_guest_that_runs_is_not_started_again(
    host: HostConnection, make_guest: MakeGuest
) -> None:
    vm_id = make_guest()
    domains.power(host, vm_id, Verb.START)
    with pytest.raises(WrongState):
        domains.power(host, vm_id, Verb.START)


def test_the_list_tells_of_every_domain(host: HostConnection, make_guest: MakeGuest) -> None:
    vm_id = make_guest()
    host.call(Lane.VERBS, lambda conn: conn.lookupByName("test").setAutostart(1))
    listed = {record.name: record for record in domains.list_all(host)}
    assert set(listed) == {"test", ODD}
    assert listed["test"].state is VmState.RUNNING
    assert listed["test"].has_autostart
    assert listed[ODD] == domains.get(host, vm_id)
    assert not listed[ODD].has_autostart


def test_a_domain_of_odd_xml_does_not_empty_the_list(host: HostConnection) -> None:
    odd = (
        "<domain type='test'><name>odd</name><memory>1</memory><os><type>xen</type></os>"
        "<metadata><a:b xmlns:a='urn:a'>&lt;c&gt;</a:b></metadata></domain>"
    )
    host.call(Lane.VERBS, lambda conn: conn.defineXML(odd) and None)
    records = {record.name: record for record in domains.list_all(host)}
    assert parse_domain(records["odd"].xml).is_readable
    assert "test" in records


def test_a_name_in_use_is_refused(host: HostConnection, make_guest: MakeGuest) -> None:
    first = make_guest()
    second = make_guest("other")
    with pytest.raises(NameTaken):
        make_guest()
    with pytest.raises(NameTaken):
        domains.change_config(host, second, ConfigChange(name=ODD, vcpus=4))
    assert parse_domain(domains.get(host, second).xml).vcpus == 2  # nothing half done
    assert domains.get(host, first).name == ODD


@pytest.mark.parametrize("name", ["a/b", "a\nb", "", "\x01"])
def test_a_name_that_libvirt_does_not_take_is_refused(make_guest: MakeGuest, name: str) -> None:
    with pytest.raises(InvalidConfig):
        make_guest(name)


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("text", ["ü <b>&\"'\n\n zwei\t ", "plain", ""])
def test_a_description_comes_back_byte_for_byte(
    host: HostConnection, make_guest: MakeGuest, text: str, is_active: bool
) -> None:
    vm_id = make_guest(description="before")
    if is_active:
        domains.power(host, vm_id, Verb.START)
    domains.set_description(host, vm_id, text)
    assert parse_domain(domains.get(host, vm_id).xml).description == text
    assert parse_domain(domains.get_inactive_xml(host, vm_id)).description == text


def test_a_description_has_unix_line_ends_and_no_control_characters(
    host: HostConnection, make_guest: MakeGuest
) -> None:
    vm_id = make_guest()
    domains.set_description(host, vm_id, "a\r\nb\rc")
    assert parse_domain(domains.get(host, vm_id).xml).description == "a\nb\nc"
    with pytest.raises(InvalidConfig):
        domains.set_description(host, vm_id, "a\x07")


def test_metadata_is_replaced_as_a_whole(host: HostConnection, make_guest: MakeGuest) -> None:
    vm_id = make_guest()
    assert parse_domain(domains.get(host, vm_id).xml).metadata == VmMetadata(
        ODD, "alice", "tiny", "here"
    )
    domains.set_metadata(host, vm_id, VmMetadata(owner=ODD))
    assert parse_domain(domains.get(host, vm_id).xml).metadata == VmMetadata(owner=ODD)


def test_hardware_is_edited_while_the_guest_is_off(
    host: HostConnection, make_guest: MakeGuest
) -> None:
    vm_id = make_guest()
    change = ConfigChange(name=f"{ODD} 2", vcpus=4, memory_mib=128, boot=("sda",))
    record = domains.change_config(host, vm_id, change)
    seen = parse_domain(record.xml)
    assert (record.name, seen.vcpus, seen.memory_mib) == (f"{ODD} 2", 4, 128)
    assert [disk.boot_order for disk in seen.disks] == [None, 1]
    assert seen.metadata == VmMetadata(ODD, "alice", "tiny", "here")
    domains.power(host, vm_id, Verb.START)
    with pytest.raises(WrongState):
        domains.change_config(host, vm_id, ConfigChange(vcpus=1))


def test_media_are_changed_while_the_guest_is_off(
    host: HostConnection, make_guest: MakeGuest
) -> None:
    vm_id = make_guest()
    for path in (f"/iso/{ODD}.iso", ""):
        domains.change_media(host, vm_id, path=path)
        assert parse_domain(domains.get(host, vm_id).xml).disks[1].source == path
    domains.power(host, vm_id, Verb.START)
    with pytest.raises(Unsupported) as caught:
        domains.change_media(host, vm_id, path="/x.iso")
    assert caught.value.params == {"what": "cdrom"}


def test_what_is_gone_already_is_no_error_to_remove(host: HostConnection) -> None:
    nobody = str(uuid.uuid4())
    domains.destroy_if_active(host, nobody)
    domains.undefine(host, nobody)
    for act in (
        lambda: domains.power(host, nobody, Verb.START),
        lambda: domains.set_description(host, nobody, "x"),
        lambda: domains.screenshot(host, nobody),
        lambda: domains.addresses(host, nobody),
        lambda: domains.change_media(host, nobody, path=""),
        lambda: consoles.open_graphics(host, nobody),
    ):
        with pytest.raises(DomainNotFound):
            act()


def test_a_screenshot_is_taken(host: HostConnection, make_guest: MakeGuest) -> None:
    vm_id = make_guest()
    domains.power(host, vm_id, Verb.START)
    assert domains.screenshot(host, vm_id).data.startswith(b"\x89PNG")


def test_the_test_driver_has_no_screen_to_open(host: HostConnection, make_guest: MakeGuest) -> None:
    vm_id = make_guest()
    domains.power(host, vm_id, Verb.START)
    with pytest.raises(Unsupported) as caught:
        consoles.open_graphics(host, vm_id)
    assert caught.value.params == {"what": "vnc"}


def test_a_sample_knows_the_state_and_no_numbers(
    host: HostConnection, make_guest: MakeGuest
) -> None:
    vm_id = make_guest()
    found = {counters.uuid: counters for counters in stats.sample(host)}
    assert found[vm_id].state is VmState.OFF
    assert found[vm_id].cpu_time_ns is None
    assert len(found) == 2


def test_facts_say_that_it_is_the_test_driver(host: HostConnection) -> None:
    facts = nodes.facts(host)
    assert (facts.driver, facts.arch, facts.can_graphics_fd) == ("TEST", "i686", False)
    assert facts.accelerator is Accelerator.TEST
    assert facts.accelerator_reason is AcceleratorReason.TEST_DRIVER
    assert facts.memory_mib > 0
    assert nodes.LoadMeter().read(host).cpu_percent is None


def test_volumes_are_made_found_and_deleted(host: HostConnection) -> None:
    pool = "default-pool"
    base = storage.create_volume(
        host, pool=pool, name=f"{ODD}.img", format="raw", capacity_bytes=2**20
    )
    overlay = storage.create_overlay(
        host,
        pool=pool,
        name="o.qcow2",
        backing=base,
        capacity_bytes=2**21,
    )
    assert overlay.backing_path == base.path
    iso = storage.create_volume(host, pool=pool, name="A.ISO", format="raw", capacity_bytes=1)
    assert iso.format == "iso"
    assert [v.name for v in storage.list_volumes(host, pool)] == ["A.ISO", "o.qcow2", base.name]
    assert storage.find_by_path(host, base.path) == base
    assert storage.find_by_path(host, "/nowhere") is None
    with pytest.raises(VolumeExists):
        storage.create_volume(host, pool=pool, name="o.qcow2", format="raw", capacity_bytes=1)
    storage.delete_volume(host, pool=pool, name="o.qcow2")
    storage.delete_volume(host, pool=pool, name="o.qcow2")
    with pytest.raises(VolumeNotFound):
        storage.get_volume(host, pool=pool, name="o.qcow2")
    with pytest.raises(PoolNotFound) as caught:
        storage.list_volumes(host, "nope")
    assert caught.value.params == {"name": "nope"}


def test_an_upload_that_the_driver_cannot_do_leaves_nothing(host: HostConnection) -> None:
    with pytest.raises(HypervisorError):
        storage.upload_bytes(host, pool="default-pool", name="seed.iso", data=b"x")
    assert storage.list_volumes(host, "default-pool") == []


def test_networks_are_listed_and_started(host: HostConnection) -> None:
    host.call(Lane.VERBS, lambda conn: conn.networkLookupByName("default").destroy())
    assert [net.is_active for net in networks.list_all(host)] == [False]
    networks.ensure_started(host, "default")
    (network,) = networks.list_all(host)
    assert (network.name, network.is_active, network.forward) == ("default", True, "nat")
    with pytest.raises(NetworkNotFound):
        networks.ensure_started(host, "nope")


def test_events_come_in_our_words_and_one_bad_listener_is_survived(
    host: HostConnection, make_guest: MakeGuest
) -> None:
    seen: list[HostEvent] = []
    is_done = threading.Event()

    def listen(event: HostEvent) -> None:
        seen.append(event)
        if event.kind is EventKind.DOMAIN_REMOVED:
            is_done.set()
        raise RuntimeError("a listener that fails")

    feed = EventFeed(host, listen)
    feed.start()
    vm_id = make_guest()
    domains.power(host, vm_id, Verb.START)
    domains.power(host, vm_id, Verb.POWER_OFF)
    domains.change_config(host, vm_id, ConfigChange(name="renamed"))
    domains.undefine(host, vm_id)
    assert is_done.wait(10)
    feed.stop()
    assert seen[0] == HostEvent(EventKind.CONNECTION_MADE)
    words = [event.detail for event in seen if event.subject == vm_id]
    for word in ("defined", "started", "stopped", "renamed", "undefined"):
        assert word in words
    kinds = [event.kind for event in seen]
    assert kinds.count(EventKind.DOMAIN_REMOVED) == 1
