"""From template to running guest: through the API, and the same steps by hand with raw calls.

The hand has the XML and the seed ready and does only what the host must do, so the ratio is strict.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libvirt
from lxml import etree
from websockets.sync.client import ClientConnection

from tests.bench.live import libvirt_connection
from tests.bench.table import Row, ms
from tests.bench.visitor import Visitor
from tests.support.site import Site, running_site, wait_until
from vms.hypervisor.cloudinit import Seed, seed_iso
from vms.hypervisor.xml.build import volume_xml

ROUNDS = 9
QUIET_S = 0.1
LIMIT_S = 60.0
GOAL_RATIO = 1.3


def measure() -> Iterator[Row]:
    """Give a row for either way and one for the ratio."""
    with running_site() as site, libvirt_connection() as host:
        visitor = Visitor(site)
        try:
            visitor.log_in()
            by_api, by_hand = rounds(site, visitor, host)
        finally:
            visitor.close()
    api_s, hand_s = statistics.median(by_api), statistics.median(by_hand)
    ratio = api_s / hand_s
    yield Row("template to running guest, through the API", words(by_api))
    yield Row("... the same steps by hand with raw libvirt calls", words(by_hand))
    yield Row(
        "... ratio of the medians",
        f"{ratio:.2f} times",
        f"<= {GOAL_RATIO} times",
        ratio <= GOAL_RATIO,
    )


def words(took_s: list[float]) -> str:
    """Word seconds as median and range."""
    return f"median {ms(statistics.median(took_s))} ms ({ms(min(took_s))} to {ms(max(took_s))})"


def rounds(
    site: Site, visitor: Visitor, host: libvirt.virConnect
) -> tuple[list[float], list[float]]:
    """Make one guest each way in every round, in turns of order; the first round is a warm-up."""
    template = site.api("GET", "templates")["items"][0]
    by_api: list[float] = []
    by_hand: list[float] = []
    with visitor.status_socket() as socket:
        first, _took_s = make_by_api(site, socket, template["id"], "warm-up")
        xml = host.lookupByUUIDString(first).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        hand = Hand(host, host.storagePoolLookupByName(site.name), xml)
        delete(site, first)
        hand.make()
        for number in range(ROUNDS):
            if number % 2:
                by_hand.append(hand.make())
            vm_id, took_s = make_by_api(site, socket, template["id"], f"round {number}")
            by_api.append(took_s)
            delete(site, vm_id)
            if not number % 2:
                by_hand.append(hand.make())
    return by_api, by_hand


def make_by_api(
    site: Site, socket: ClientConnection, template_id: str, name: str
) -> tuple[str, float]:
    """Ask for a guest and follow its job at the socket; return its id and the seconds until the
    page was told that the job had ended.
    """
    began_s = time.perf_counter()
    made = site.api("POST", "vms", {"template_id": template_id, "name": name})
    ended_s = last_hint(site, socket, made["job"]["id"])
    return made["vm"]["id"], ended_s - began_s


def last_hint(site: Site, socket: ClientConnection, job_id: str) -> float:
    """Return when the hint came that the job had ended well.

    The job is asked for only while no hints come, so that asking takes nothing from its work.
    """
    told_s = time.perf_counter()
    deadline_s, ask_at_s, state = told_s + LIMIT_S, told_s + QUIET_S, "queued"
    while time.perf_counter() < deadline_s:
        with contextlib.suppress(TimeoutError):
            message = json.loads(socket.recv(timeout=max(0.0, ask_at_s - time.perf_counter())))
            if message["t"] == "job" and message["id"] == job_id:
                told_s = time.perf_counter()
                ask_at_s = told_s + QUIET_S
        if time.perf_counter() >= ask_at_s:
            if state == "succeeded":
                return told_s
            state = site.api("GET", f"jobs/{job_id}")["state"]
            assert state in {"queued", "running", "succeeded"}, f"creating ended as {state}"
            ask_at_s = time.perf_counter() + QUIET_S
    msg = f"the job is {state} after {LIMIT_S} s"
    raise AssertionError(msg)


def delete(site: Site, vm_id: str) -> None:
    """Remove the guest with its disk, so that it takes no processor from the next."""
    site.wait_for_job(site.api("DELETE", f"vms/{vm_id}?delete_disk=vda")["id"])
    wait_until(lambda: not any(vm["id"] == vm_id for vm in site.api("GET", "vms")["items"]))


@dataclass(frozen=True, slots=True)
class Twin:
    """A guest to be made by hand: its volumes by name, and what they and it are made of."""

    guest_id: str
    volumes: tuple[str, str]
    overlay_xml: str
    seed_xml: str
    seed: bytes
    domain_xml: str


class Hand:
    """Somebody with virsh who knows exactly what to type: twins of a guest, whose XML is given."""

    def __init__(self, host: libvirt.virConnect, pool: libvirt.virStoragePool, xml: str) -> None:
        self._host, self._pool, self._xml = host, pool, xml
        image = next(name for name in pool.listVolumes() if name.startswith("tiny-linux"))
        self._image = pool.storageVolLookupByName(image)

    def make(self) -> float:
        """Make a running guest and remove it again; return the seconds of making."""
        twin = self.prepare()
        try:
            began_s = time.perf_counter()
            self.build(twin)
            return time.perf_counter() - began_s
        finally:
            self.remove(twin)

    def prepare(self) -> Twin:
        """Write everything that a twin is made of; nothing of it is on the host yet."""
        guest_id = str(uuid.uuid4())
        seed = seed_iso(Seed(instance_id=guest_id, hostname="by-hand"))
        overlay_name, seed_name = f"{guest_id}.qcow2", f"{guest_id}-seed.iso"
        return Twin(
            guest_id,
            volumes=(overlay_name, seed_name),
            overlay_xml=self._overlay_xml(overlay_name),
            seed_xml=volume_xml(name=seed_name, format="raw", capacity_bytes=len(seed)),
            seed=seed,
            domain_xml=self._domain_xml(guest_id, (overlay_name, seed_name)),
        )

    def build(self, twin: Twin) -> None:
        """Do what the host must do for a running guest, and nothing else."""
        self._pool.createXML(twin.overlay_xml, 0)
        volume = self._pool.createXML(twin.seed_xml, 0)
        stream = self._host.newStream(0)
        volume.upload(stream, 0, len(twin.seed), 0)
        stream.send(twin.seed)
        stream.finish()
        self._host.defineXML(twin.domain_xml).create()

    def remove(self, twin: Twin) -> None:
        """Remove whatever there is of a twin."""
        with contextlib.suppress(libvirt.libvirtError):
            domain = self._host.lookupByUUIDString(twin.guest_id)
            with contextlib.suppress(libvirt.libvirtError):
                domain.destroy()
            domain.undefine()
        for name in twin.volumes:
            with contextlib.suppress(libvirt.libvirtError):
                self._pool.storageVolLookupByName(name).delete(0)

    def _overlay_xml(self, name: str) -> str:
        return volume_xml(
            name=name,
            format="qcow2",
            capacity_bytes=self._image.info()[1],
            backing_path=self._image.path(),
            backing_format="qcow2",
        )

    def _domain_xml(self, guest_id: str, volumes: tuple[str, ...]) -> str:
        """Write the XML of a twin: its own name, UUID, MAC addresses and disks."""
        root = etree.fromstring(self._xml)
        for tag, text in (("name", f"by hand {guest_id}"), ("uuid", guest_id)):
            for element in root.findall(tag):
                element.text = text
        for nic in root.findall("devices/interface"):
            for mac in nic.findall("mac"):
                nic.remove(mac)
        folder = Path(self._image.path()).parent
        sources = root.findall("devices/disk[@device='disk']/source")
        for source, name in zip(sources, volumes, strict=True):
            source.set("file", str(folder / name))
        return etree.tostring(root, encoding="unicode")
