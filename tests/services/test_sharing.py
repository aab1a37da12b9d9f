"""Shares of a guest: who sets them, what each is worth from the next moment on."""

from __future__ import annotations

import uuid

import pytest

from tests.conftest import make_user
from vms import circles, finder, selectors, standing
from vms.hypervisor.types import Verb
from vms.live import publish
from vms.models import VM, AuditEntry, Group, Host, Membership, Share
from vms.policy import Action, Person, SystemActor
from vms.problems import Forbidden, Invalid, NotFound
from vms.services import audit, ownership, power, sharing

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm(alice):
    """A guest of alice, as a row."""
    host = Host.objects.create(name="h", uri="test:///default")
    return VM.objects.create(host=host, domain_uuid=uuid.uuid4(), name="web", owner=alice)


@pytest.fixture
def team(alice, carol):
    """A group that carol manages and alice is in."""
    made = Group.objects.create(name="Team")
    Membership.objects.create(group=made, user=carol, is_manager=True)
    Membership.objects.create(group=made, user=alice)
    return made


@pytest.fixture
def give(vm, alice, bob, carol):
    """give("bob", "viewer") shares as alice does."""
    return lambda username, role: sharing.share_with_person(
        actor=Person(alice), vm_id=vm.pk, username=username, role=role
    )


@pytest.mark.parametrize(
    ("role", "can_do", "cannot_do"),
    [
        ("viewer", [Action.VM_VIEW], [Action.VM_POWER, Action.VM_MEDIA, Action.VM_CONSOLE]),
        ("operator", [Action.VM_POWER, Action.VM_CONSOLE], [Action.VM_EDIT, Action.VM_SHARE]),
        ("owner", [Action.VM_DELETE, Action.VM_SHARE], [Action.VM_SET_OWNER]),
    ],
)
def test_a_share_gives_its_role_and_not_more(give, vm, bob, role, can_do, cannot_do):
    give("bob", role)
    for action in can_do:
        assert selectors.vm(Person(bob), vm.pk, action) == vm
    for action in cannot_do:
        with pytest.raises(Forbidden):
            selectors.vm(Person(bob), vm.pk, action)


def test_changing_a_role_and_taking_a_share_back_count_from_the_next_request(give, vm, alice, bob):
    share = give("bob", "viewer")
    sharing.change_role(actor=Person(alice), vm_id=vm.pk, share_id=share.pk, role="operator")
    assert selectors.vm(Person(bob), vm.pk, Action.VM_POWER) == vm
    sharing.revoke(actor=Person(alice), vm_id=vm.pk, share_id=share.pk)
    with pytest.raises(NotFound):
        selectors.vm(Person(bob), vm.pk)


def test_a_group_is_told_and_served_as_a_whole(
    vm, team, alice, carol, monkeypatch, django_capture_on_commit_callbacks
):
    told: list[str] = []
    monkeypatch.setattr(publish, "rights_changed", told.append)
    with django_capture_on_commit_callbacks(execute=True):
        sharing.share_with_group(
            actor=Person(alice), vm_id=vm.pk, group_id=team.pk, role="operator"
        )
    assert set(told) == {str(alice.pk), str(carol.pk)}
    assert selectors.vm(Person(carol), vm.pk, Action.VM_POWER) == vm
    before = vm.revision
    vm.refresh_from_db()
    assert vm.revision == before + 1


def test_the_manager_of_a_group_that_owns_a_guest_shares_it(vm, team, alice, bob, carol):
    sharing.share_with_group(actor=Person(alice), vm_id=vm.pk, group_id=team.pk, role="owner")
    sharing.share_with_person(actor=Person(carol), vm_id=vm.pk, username="bob", role="viewer")
    assert selectors.vm(Person(bob), vm.pk) == vm


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_does_not_own_a_guest_does_not_share_it(give, vm, bob, role):
    share, actor = give("bob", role), Person(bob)
    with pytest.raises(Forbidden):
        sharing.share_with_person(actor=actor, vm_id=vm.pk, username="mallory", role="viewer")
    with pytest.raises(Forbidden):
        sharing.change_role(actor=actor, vm_id=vm.pk, share_id=share.pk, role="owner")
    share.refresh_from_db()
    assert share.role == role


def test_a_member_of_a_group_that_owns_a_guest_does_not_share_it(vm, team, alice, bob):
    Membership.objects.create(group=team, user=bob)
    Share.objects.create(vm=vm, group=team, role="owner")
    assert selectors.vm(Person(bob), vm.pk, Action.VM_DELETE) == vm
    with pytest.raises(Forbidden):
        sharing.share_with_person(actor=Person(bob), vm_id=vm.pk, username="bob", role="owner")


def test_whoever_has_a_share_of_his_own_may_leave_and_nobody_leaves_for_others(
    give, vm, bob, carol
):
    his, hers = give("bob", "viewer"), give("carol", "operator")
    with pytest.raises(NotFound):
        sharing.revoke(actor=Person(carol), vm_id=vm.pk, share_id=his.pk)
    sharing.revoke(actor=Person(bob), vm_id=vm.pk, share_id=his.pk)
    assert list(Share.objects.all()) == [hers]


def test_mallory_can_neither_read_nor_set_shares(give, vm, mallory):
    share, actor = give("bob", "viewer"), Person(mallory)
    with pytest.raises(NotFound):
        sharing.share_with_person(actor=actor, vm_id=vm.pk, username="mallory", role="owner")
    with pytest.raises(NotFound):
        sharing.change_role(actor=actor, vm_id=vm.pk, share_id=share.pk, role="owner")
    with pytest.raises(NotFound):
        sharing.revoke(actor=actor, vm_id=vm.pk, share_id=share.pk)
    assert not circles.shares(actor, vm).exists()
    assert not circles.acquaintances(actor).exists()


def test_a_share_of_another_guest_is_not_reached_through_ones_own(give, vm, mallory, bob):
    share = give("bob", "viewer")
    own = VM.objects.create(host=vm.host, domain_uuid=uuid.uuid4(), name="his", owner=mallory)
    for verb in (sharing.revoke, lambda **kw: sharing.change_role(role="owner", **kw)):
        with pytest.raises(NotFound):
            verb(actor=Person(mallory), vm_id=own.pk, share_id=share.pk)
    assert Share.objects.get() == share


@pytest.mark.parametrize("username", ["", "bo", "BOB", "%", "gone"])
def test_only_the_exact_name_of_an_active_person_is_found(give, bob, username):
    type(bob).objects.create_user("gone", is_active=False)
    with pytest.raises(Invalid) as caught:
        give(username, "viewer")
    assert caught.value.fields["username"].code == "unknown-person"


def test_a_guest_is_shared_once_with_each_and_never_with_its_owner(give, vm, team, alice):
    give("bob", "viewer")
    with pytest.raises(Invalid) as caught:
        give("bob", "owner")
    assert caught.value.fields["username"].code == "shared-already"
    with pytest.raises(Invalid) as caught:
        give("alice", "viewer")
    assert caught.value.fields["username"].code == "is-owner"
    Share.objects.create(vm=vm, group=team, role="viewer")
    with pytest.raises(Invalid) as caught:
        sharing.share_with_group(actor=Person(alice), vm_id=vm.pk, group_id=team.pk, role="owner")
    assert caught.value.fields["group"].code == "shared-already"


@pytest.mark.parametrize("role", ["", "king", "administrator"])
def test_an_unknown_role_is_refused(give, role):
    with pytest.raises(Invalid) as caught:
        give("bob", role)
    assert caught.value.fields["role"].code == "role-unknown"
    assert not Share.objects.exists()


def test_a_group_that_the_owner_is_not_in_does_not_exist_for_him(vm, alice, admin):
    secret = Group.objects.create(name="Secret project")
    for group_id in (secret.pk, uuid.uuid4(), ""):
        with pytest.raises(Invalid) as caught:
            sharing.share_with_group(
                actor=Person(alice), vm_id=vm.pk, group_id=group_id, role="viewer"
            )
        assert caught.value.fields["group"].code == "unknown-group"
    sharing.share_with_group(actor=Person(admin), vm_id=vm.pk, group_id=secret.pk, role="viewer")


def test_names_are_offered_of_people_in_ones_own_groups_alone(team, alice, bob, carol, admin):
    assert {user.username for user in circles.acquaintances(Person(alice))} == {"carol"}
    assert {user.username for user in circles.acquaintances(Person(bob))} == set()
    assert len(circles.acquaintances(Person(admin))) == 4


def test_a_share_revoked_while_a_request_is_under_way_stops_the_next_step(
    give, vm, bob, monkeypatch
):
    """The rights were asked before; the second thing that the same request fetches is refused."""
    share, actor = give("bob", "operator"), Person(bob)
    assert selectors.vm(actor, vm.pk, Action.VM_POWER) == vm
    Share.objects.filter(pk=share.pk).delete()
    with pytest.raises(NotFound):
        power.perform(actor=actor, vm_id=vm.pk, verb=Verb.START)


def test_a_share_that_two_take_back_at_once_is_gone_for_the_second(give, vm, alice, monkeypatch):
    share = give("bob", "viewer")
    found = circles.share

    def lost_race(actor, guest, pk):
        row = found(actor, guest, pk)
        Share.objects.filter(pk=row.pk).delete()
        return row

    monkeypatch.setattr(circles, "share", lost_race)
    with pytest.raises(NotFound):
        sharing.revoke(actor=Person(alice), vm_id=vm.pk, share_id=share.pk)


def test_a_group_deleted_under_a_share_takes_the_right_and_leaves_the_guest(vm, team, carol):
    Share.objects.create(vm=vm, group=team, role="operator")
    assert selectors.vm(Person(carol), vm.pk, Action.VM_POWER) == vm
    team.delete()
    with pytest.raises(NotFound):
        selectors.vm(Person(carol), vm.pk)
    assert VM.objects.filter(pk=vm.pk).exists()


def test_a_group_deleted_while_it_is_shared_with_is_a_refusal_and_no_crash(
    vm, team, alice, monkeypatch
):
    found = circles.group

    def lost_race(actor, pk):
        row = found(actor, pk)
        Group.objects.filter(pk=row.pk).delete()
        return row

    monkeypatch.setattr(circles, "group", lost_race)
    with pytest.raises(Invalid) as caught:
        sharing.share_with_group(actor=Person(alice), vm_id=vm.pk, group_id=team.pk, role="viewer")
    assert caught.value.fields["group"].code == "unknown-group"
    assert not Share.objects.exists()


def test_every_change_is_audited_with_whom_and_as_what(give, vm, alice, admin):
    share = give("bob", "viewer")
    sharing.change_role(actor=Person(admin), vm_id=vm.pk, share_id=share.pk, role="operator")
    sharing.revoke(actor=Person(admin), vm_id=vm.pk, share_id=share.pk)
    lines = AuditEntry.objects.filter(phase="succeeded").order_by("id")
    assert [(line.action, line.role, line.detail) for line in lines] == [
        ("vm.share", "owner", {"person": "bob", "role": "viewer"}),
        ("vm.share-role", "administrator", {"person": "bob", "role": "operator"}),
        ("vm.unshare", "administrator", {"person": "bob", "role": "operator"}),
    ]


def test_the_trail_says_as_what_somebody_acts_on_a_guest(
    give, vm, alice, bob, carol, admin, mallory
):
    give("bob", "operator")
    give("carol", "owner")
    give("admin", "viewer")
    auditor = make_user("auditor", "auditor")
    roles = {
        user.username: standing.acting_as(Person(user), VM.objects.get(pk=vm.pk))
        for user in (alice, bob, carol, admin, auditor, mallory)
    }
    assert roles == {
        "alice": "owner",
        "bob": "operator",
        "carol": "owner",
        "admin": "administrator",
        "auditor": "auditor",
        "mallory": "user",
    }
    assert standing.acting_as(SystemActor(), vm) == "system"
    audit.requested(audit.Trail(Person(admin), "vm.start", audit.about(vm)))
    assert AuditEntry.objects.filter(action="vm.start").get().role == "administrator"


def test_owner_me_finds_ones_own_guests_and_not_those_shared_as_owner(give, vm, alice, bob):
    give("bob", "owner")
    assert finder.find(Person(bob), "owner:me").ids == []
    assert finder.find(Person(bob), "owner:alice").ids == [str(vm.pk)]
    assert finder.find(Person(alice), "owner:me").ids == [str(vm.pk)]
    assert finder.find(Person(bob)).has_foreign
    assert not finder.find(Person(alice)).has_foreign


def test_a_new_owner_keeps_no_share_of_what_is_his(make_guest, admin, alice, bob):
    guest = make_guest(alice)
    Share.objects.create(vm=guest, user=bob, role="viewer")
    ownership.set_owner(actor=Person(admin), vm_id=guest.pk, owner_id=bob.pk)
    assert not Share.objects.exists()
