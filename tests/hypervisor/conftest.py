"""A host of libvirt's own test driver, and a listener that accepts and never answers."""

from __future__ import annotations

import gc
import socket
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.support.driver import sweep
from vms.hypervisor import domains, nodes
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.types import (
    Accelerator,
    DiskSpec,
    NicSpec,
    VmMetadata,
    VmSpec,
)

ODD = "ä <b>&\"' # %"


@pytest.fixture
def host() -> Iterator[HostConnection]:
    """A fresh test:///default: its state lives as long as connections to it are open."""
    host = HostConnection("test:///default")
    assert nodes.facts(host).driver == "TEST"
    sweep(host)
    yield host
    gc.collect()  # a volume or domain held by a traceback would keep the driver's state
    host.close()


@pytest.fixture
def make_guest(host: HostConnection) -> Iterator[Callable[..., str]]:
    """Define a guest on the test driver and return its UUID; it is gone when the test ends."""
    made: list[str] = []

    def make(name: str = ODD, **changes: object) -> str:
        values: dict[str, object] = {
            "uuid": str(uuid.uuid4()),
            "name": name,
            "vcpus": 2,
            "memory_mib": 64,
            "accelerator": Accelerator.TEST,
            "disks": (DiskSpec(f"/pool/{ODD}.qcow2"),),
            "nics": (NicSpec("default"),),
            "metadata": VmMetadata(name, "alice", "tiny", "here"),
            "arch": "i686",
        }
        record = domains.define(host, VmSpec(**(values | changes)))  # type: ignore[arg-type] # any
        made.append(record.uuid)
        return record.uuid

    yield make
    for vm_id in made:
        domains.destroy_if_active(host, vm_id)
        domains.undefine(host, vm_id)


@pytest.fixture
def silent_uri() -> Iterator[str]:
    """The URI of a host that accepts TCP connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"qemu+tcp://127.0.0.1:{listener.getsockname()[1]}/system"
