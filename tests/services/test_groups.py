"""Groups: who may change them, and what a membership is worth from one moment to the next."""

from __future__ import annotations

import uuid

import pytest

from vms import circles, selectors
from vms.live import publish
from vms.models import VM, AuditEntry, Group, Host, Membership, Share
from vms.policy import Action, Person, SystemActor
from vms.problems import Forbidden, Invalid, NotFound
from vms.services import groups

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(admin, alice, bob):
    """A group that bob manages and alice is in."""
    made = groups.create(actor=Person(admin), name="Team", description="builds")
    groups.add_member(actor=Person(admin), group_id=made.pk, username="bob", is_manager=True)
    groups.add_member(actor=Person(admin), group_id=made.pk, username="alice")
    return made


@pytest.fixture
def guest(team):
    """A guest that the team owns."""
    host = Host.objects.create(name="h", uri="test:///default")
    vm = VM.objects.create(host=host, domain_uuid=uuid.uuid4(), name="shared")
    Share.objects.create(vm=vm, group=team, role="owner")
    return vm


@pytest.fixture
def told(monkeypatch):
    """Ids of the people of whom it was said that their rights changed."""
    ids: list[str] = []
    monkeypatch.setattr(publish, "rights_changed", ids.append)
    return ids


def test_only_an_administrator_makes_names_and_deletes_groups(team, bob, mallory):
    with pytest.raises(Forbidden):
        groups.create(actor=Person(bob), name="Mine")
    with pytest.raises(Forbidden):
        groups.edit(actor=Person(bob), group_id=team.pk, name="Mine")
    with pytest.raises(Forbidden):
        groups.delete(actor=Person(bob), group_id=team.pk)
    for verb in (groups.delete, lambda **kw: groups.edit(name="x", **kw)):
        with pytest.raises(NotFound):
            verb(actor=Person(mallory), group_id=team.pk)
    assert Group.objects.get().name == "Team"


def test_a_manager_adds_and_removes_members_but_no_managers(team, bob, alice, carol):
    actor = Person(bob)
    made = groups.add_member(actor=actor, group_id=team.pk, username="carol")
    assert not made.is_manager
    groups.remove_member(actor=actor, group_id=team.pk, user_id=carol.pk)
    assert not team.memberships.filter(user=carol).exists()
    with pytest.raises(Forbidden):
        groups.add_member(actor=actor, group_id=team.pk, username="carol", is_manager=True)
    with pytest.raises(Forbidden):
        groups.set_manager(actor=actor, group_id=team.pk, user_id=alice.pk, is_manager=True)
    with pytest.raises(Forbidden):
        groups.remove_member(actor=actor, group_id=team.pk, user_id=bob.pk)


def test_a_member_changes_nothing_and_mallory_learns_nothing(team, alice, carol, mallory):
    with pytest.raises(Forbidden):
        groups.add_member(actor=Person(alice), group_id=team.pk, username="carol")
    with pytest.raises(Forbidden):
        groups.remove_member(actor=Person(alice), group_id=team.pk, user_id=alice.pk)
    with pytest.raises(NotFound):
        groups.add_member(actor=Person(mallory), group_id=team.pk, username="mallory")
    with pytest.raises(NotFound):
        groups.remove_member(actor=Person(mallory), group_id=team.pk, user_id=alice.pk)
    assert not circles.groups(Person(mallory)).exists()
    assert list(circles.members(Person(mallory), team)) == []
    assert {member.user.username for member in circles.members(Person(alice), team)} == {
        "alice",
        "bob",
    }


@pytest.mark.parametrize("username", ["", "ali", "ALICE", "alice2", "gone", "%", "a*"])
def test_only_the_exact_name_of_an_active_person_finds_somebody(team, admin, carol, username):
    type(carol).objects.create_user("gone", is_active=False)
    with pytest.raises(Invalid) as caught:
        groups.add_member(actor=Person(admin), group_id=team.pk, username=username)
    assert caught.value.fields["username"].code == "unknown-person"


def test_nobody_is_in_a_group_twice(team, admin):
    with pytest.raises(Invalid) as caught:
        groups.add_member(actor=Person(admin), group_id=team.pk, username="alice")
    assert caught.value.fields["username"].code == "already-member"
    assert team.memberships.count() == 2


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name-blank"),
        ("TEAM", "group-name-used"),
        ("x" * 101, "name-too-long"),
        ("a\nb", "name-control"),
    ],
)
def test_a_wrong_name_is_refused_at_its_field(team, admin, name, code):
    with pytest.raises(Invalid) as caught:
        groups.create(actor=Person(admin), name=name)
    assert caught.value.fields["name"].code == code


def test_a_membership_gives_and_takes_the_guests_of_the_group_at_once(
    team, guest, bob, carol, told, django_capture_on_commit_callbacks
):
    actor = Person(carol)
    with pytest.raises(NotFound):
        selectors.vm(actor, guest.pk)
    with django_capture_on_commit_callbacks(execute=True):
        groups.add_member(actor=Person(bob), group_id=team.pk, username="carol")
    assert selectors.vm(actor, guest.pk, Action.VM_DELETE) == guest
    with django_capture_on_commit_callbacks(execute=True):
        groups.remove_member(actor=Person(bob), group_id=team.pk, user_id=carol.pk)
    with pytest.raises(NotFound):
        selectors.vm(actor, guest.pk)
    assert told == [str(carol.pk)] * 2


def test_a_manager_of_the_group_shares_its_guests_and_a_member_does_not(team, guest, bob, alice):
    assert selectors.vm(Person(bob), guest.pk, Action.VM_SHARE) == guest
    with pytest.raises(Forbidden):
        selectors.vm(Person(alice), guest.pk, Action.VM_SHARE)


def test_who_is_made_manager_is_one_at_once(team, guest, admin, alice, told):
    groups.set_manager(actor=Person(admin), group_id=team.pk, user_id=alice.pk, is_manager=True)
    assert selectors.vm(Person(alice), guest.pk, Action.VM_SHARE) == guest


def test_deleting_a_group_takes_what_was_shared_with_it_and_no_guest(
    team, guest, admin, alice, bob, told, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        groups.delete(actor=Person(admin), group_id=team.pk)
    assert not Share.objects.exists()
    assert not Membership.objects.exists()
    assert VM.objects.get() == guest
    assert set(told) == {str(alice.pk), str(bob.pk)}
    for user in (alice, bob):
        with pytest.raises(NotFound):
            selectors.vm(Person(user), guest.pk)


def test_a_group_deleted_twice_is_not_there_the_second_time(team, admin):
    groups.delete(actor=Person(admin), group_id=team.pk)
    with pytest.raises(NotFound):
        groups.delete(actor=Person(admin), group_id=team.pk)


def test_a_member_removed_by_somebody_else_meanwhile_is_not_there(team, admin, alice, monkeypatch):
    found = circles.member

    def lost_race(actor, of, user_id):
        member = found(actor, of, user_id)
        Membership.objects.filter(pk=member.pk).delete()
        return member

    monkeypatch.setattr(circles, "member", lost_race)
    with pytest.raises(NotFound):
        groups.remove_member(actor=Person(admin), group_id=team.pk, user_id=alice.pk)
    with pytest.raises(NotFound):
        groups.set_manager(actor=Person(admin), group_id=team.pk, user_id=alice.pk, is_manager=True)


def test_every_change_of_a_group_is_audited_with_who_it_was_about(team, admin, alice):
    groups.remove_member(actor=Person(admin), group_id=team.pk, user_id=alice.pk)
    groups.delete(actor=Person(admin), group_id=team.pk)
    lines = AuditEntry.objects.filter(target_kind="group", phase="succeeded").order_by("id")
    assert [(line.action, line.detail.get("person")) for line in lines] == [
        ("group.create", None),
        ("group.add-member", "bob"),
        ("group.add-member", "alice"),
        ("group.remove-member", "alice"),
        ("group.delete", None),
    ]
    assert {line.target_name for line in lines} == {"Team"}


def test_the_server_itself_maps_people_to_groups(team, carol):
    groups.add_member(actor=SystemActor(), group_id=team.pk, username="carol")
    assert team.memberships.filter(user=carol).exists()
