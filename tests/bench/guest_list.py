"""How long the server takes for the guest list: whole pages, domains of libvirt's test driver."""

from __future__ import annotations

import re
import statistics
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from tests.bench.procs import cpu_s
from tests.bench.table import Row, ms, spread
from tests.bench.visitor import Visitor
from tests.support.site import running_site, wait_until

GOALS_MS = {60: 25, 1000: 100}
WARM_UP = 5
REQUESTS = 60
TEST_NAMESPACE = "http://libvirt.org/schemas/domain/test/1.0"
NAMED = re.compile(r'"[0-9a-f-]{36}": \d+')
"""A guest in the index of the page, which names all; rows are there for the first of them."""
OFF = "5"
"""VIR_DOMAIN_SHUTOFF"""


def measure() -> Iterator[Row]:
    """Give a row for each number of guests."""
    for guests, goal_ms in GOALS_MS.items():
        with tempfile.TemporaryDirectory(prefix="kvmweb-bench-") as folder:
            node = Path(folder) / "node.xml"
            node.write_bytes(node_xml(guests))
            took_s, used_s = request_times(f"test://{node}", guests)
        yield Row(
            f"guest list, {guests} guests: server time of the page",
            f"{spread(took_s)}; {ms(used_s)} ms of CPU",
            f"median < {goal_ms} ms",
            statistics.median(took_s) * 1000 < goal_ms,
        )


def request_times(uri: str, guests: int) -> tuple[list[float], float]:
    """Serve that host; return the seconds of each request for the landing page, and its CPU's.

    The latter is what the whole process used, divided; it holds on a machine that is busy.
    """
    with running_site(uri=uri) as site:
        wait_until(lambda: site.api("GET", "vms?limit=1")["total"] == guests, limit_s=60)
        visitor = Visitor(site)
        try:
            visitor.log_in()
            for _ in range(WARM_UP):
                visitor.get("/")
            used_s = cpu_s(site.pid)
            answers = [visitor.get("/") for _ in range(REQUESTS)]
            used_s = cpu_s(site.pid) - used_s
        finally:
            visitor.close()
    found = len(NAMED.findall(answers[-1].body))
    assert found == guests, f"{found} guests on the page of {guests}"
    return [answer.took_s for answer in answers], used_s / REQUESTS


def node_xml(guests: int, *, every_third_off: bool = True) -> bytes:
    """Describe a host of the test driver with so many domains."""
    node = etree.Element("node")
    for number in range(guests):
        node.append(domain(number, is_off=every_third_off and number % 3 == 0))
    return etree.tostring(node)


def domain(number: int, *, is_off: bool) -> etree._Element:
    """Describe one domain: a screen, a disk and a NIC, so that its row has every part."""
    element = etree.Element("domain", type="test", nsmap={"test": TEST_NAMESPACE})
    for tag, text in (
        ("name", f"guest {number:04d} of the benchmark"),
        ("uuid", str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))),
        ("memory", str(512 * 1024)),
        ("vcpu", "2"),
    ):
        etree.SubElement(element, tag).text = text
    etree.SubElement(etree.SubElement(element, "os"), "type").text = "hvm"
    devices = etree.SubElement(element, "devices")
    disk = etree.SubElement(devices, "disk", type="file", device="disk")
    etree.SubElement(disk, "source", file=f"/guest-{number}.qcow2")
    etree.SubElement(disk, "target", dev="vda", bus="virtio")
    etree.SubElement(devices, "graphics", type="vnc", port="-1")
    if is_off:
        etree.SubElement(element, f"{{{TEST_NAMESPACE}}}runstate").text = OFF
    return element
