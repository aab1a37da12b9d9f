"""The standard cast and a host of libvirt's own test driver, for every test."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator

import pytest

os.environ["KVMWEB_HOME"] = tempfile.mkdtemp(prefix="kvmweb-test-home-")
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the main thread


@pytest.fixture(autouse=True)
def _jobs_in_memory(settings: object) -> None:
    """Jobs run at once, in the calling thread, unless a test says otherwise."""
    from vms.queue import huey

    huey.immediate = True


def make_user(username: str, role: str = "user") -> object:
    from vms.models import User

    return User.objects.create_user(username=username, password=f"{username} has a long one", role=role)


@pytest.fixture
def admin(db: None):
    """The administrator."""
    return make_user("admin", "administrator")


@pytest.fixture
def alice(db: None):
    """Owns the guest under test."""
    return make_user("alice")


@pytest.fixture
def bob(db: None):
    """A colleague of alice."""
    return make_user("bob")


@pytest.fixture
def carol(db: None):
    """Another colleague."""
    return make_user("carol")


@pytest.fixture
def mallory(db: None):
    """A stranger who wants what is not his."""
    return make_user("mallory")


@pytest.fixture
def test_host(db: None) -> Iterator[object]:
    """A host row for `test:///default`, whose connection is closed afterwards."""
    from vms.hypervisor import registry
    from vms.models import Host

    row = Host.objects.create(
        name=f"test-{uuid.uuid4().hex[:6]}",
        uri="test:///default",
        status="connected",
        facts={"cpus": 16, "memory_mib": 8192, "accelerator": "test", "arch": "i686"},
    )
    yield row
    registry.forget(str(row.pk))
