"""The table of rights: every action, every role; what lists show equals what fetching allows."""

from __future__ import annotations

import uuid

import pytest

from vms.models import (
    VM,
    ApiToken,
    AuditEntry,
    Host,
    Job,
    Network,
    Pool,
    SshKey,
    Template,
    User,
    Volume,
)
from vms.policy import VIEW_ACTIONS, Action, Person, SystemActor, can, visible

A = Action
OWNER = {
    A.VM_VIEW,
    A.VM_CREATE,
    A.VM_POWER,
    A.VM_CONSOLE,
    A.VM_EDIT,
    A.VM_MEDIA,
    A.VM_DELETE,
}
STRANGER = {A.VM_CREATE}
NOBODY: set[Action] = set()
TABLE: dict[str, set[Action]] = {
    "admin": set(Action),
    "alice": OWNER,
    "bob": STRANGER,
    "mallory": STRANGER,
    "gone": NOBODY,
}
GENERAL = {A.TEMPLATE_VIEW}
"""What every active person may do besides, whatever the guest."""


@pytest.fixture
def cast(admin, alice, bob, mallory):
    """The cast by name, with somebody whose account is closed."""
    gone = User.objects.create_user("gone", role="administrator", is_active=False)
    return {"admin": admin, "alice": alice, "bob": bob, "mallory": mallory, "gone": gone}


@pytest.fixture
def vm(alice):
    """A guest of alice."""
    host = Host.objects.create(name="h", uri="test:///default")
    return VM.objects.create(host=host, domain_uuid=uuid.uuid4(), name="web", owner=alice)


@pytest.mark.parametrize("name", list(TABLE))
@pytest.mark.parametrize("action", list(Action))
def test_every_action_on_a_guest_of_alice(cast, vm, name, action):
    allowed = set(TABLE[name])
    if name not in {"admin", "gone"}:
        allowed |= GENERAL
    assert can(Person(cast[name]), action, vm) is (action in allowed)


def test_everything_is_denied_without_a_thing_except_what_needs_none(cast):
    allowed = {action for action in Action if can(Person(cast["mallory"]), action)}
    assert allowed == {A.VM_CREATE, A.TEMPLATE_VIEW}


def test_the_system_itself_may_do_everything(vm):
    assert all(can(SystemActor(), action, vm) for action in Action)


def _rows(alice, vm):
    pool = Pool.objects.create(host=vm.host, pool_uuid=uuid.uuid4(), name="p")
    Volume.objects.create(pool=pool, name="a.iso", path="/p/a.iso", format="iso")
    Volume.objects.create(pool=pool, name="a.qcow2", path="/p/a.qcow2", format="qcow2")
    Network.objects.create(host=vm.host, network_uuid=uuid.uuid4(), name="n")
    Template.objects.create(name="t", host=vm.host, pool_name="p", volume_name="a.qcow2")
    Job.objects.create(kind="create-vm", vm=vm, actor=alice)
    Job.objects.create(kind="create-vm")
    for name in ("alice", "bob"):
        user = User.objects.get(username=name)
        SshKey.objects.create(user=user, kind="ssh-rsa", fingerprint="SHA256:x", line="ssh-rsa x")
        ApiToken.objects.create(user=user, name="t", secret_hash=name)
    AuditEntry.objects.create(actor=alice, actor_name="alice", action="vm.start", phase="requested")


@pytest.mark.parametrize("model", list(VIEW_ACTIONS))
@pytest.mark.parametrize("name", list(TABLE))
def test_what_a_list_shows_is_what_fetching_allows(cast, vm, name, model):
    _rows(cast["alice"], vm)
    actor = Person(cast[name])
    shown = set(visible(actor, model.objects.all()))
    allowed = {row for row in model.objects.all() if can(actor, VIEW_ACTIONS[model], row)}
    assert shown == allowed
