"""Fixtures that the real and the browser tests share."""

from __future__ import annotations

from collections.abc import Iterator

import libvirt
import pytest

from tests.support.site import Site, running_site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One site for the tests of a module, which leave it as they found it."""
    with running_site() as running:
        yield running


@pytest.fixture
def virsh() -> Iterator[libvirt.virConnect]:
    """The host as virsh sees it."""
    connection = libvirt.open("qemu:///system")
    yield connection
    connection.close()


@pytest.fixture
def jobs_wait() -> None:
    """Jobs stay in the queue until a test runs them itself."""
    from vms.queue import huey

    huey.immediate = False
