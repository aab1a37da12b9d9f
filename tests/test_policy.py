"""The table of rights: every action, every role; what lists show equals what fetching allows."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from tests.conftest import make_user
from vms import standing
from vms.models import (
    VM,
    ApiToken,
    AuditEntry,
    ConsoleLink,
    Group,
    Host,
    ImageOrigin,
    Job,
    Membership,
    Network,
    Pool,
    Recording,
    Role,
    Share,
    SshKey,
    Template,
    Upload,
    User,
    VmRole,
    Volume,
)
from vms.policy import RULES, VIEW_ACTIONS, VM_NEEDS, Action, Person, SystemActor, can, visible
from vms.standing import Standing

A = Action
VIEWER = {A.VM_VIEW, A.VM_CONSOLE_VIEW}
OPERATOR = VIEWER | {A.VM_POWER, A.VM_CONSOLE, A.VM_MEDIA}
CO_OWNER = OPERATOR | {
    A.VM_EDIT,
    A.VM_DELETE,
    A.VM_CONSOLE_TAKE,
    A.VM_RECORD,
    A.VM_SET_RECORDING,
}
OWNER = CO_OWNER | {A.VM_SHARE, A.SHARE_VIEW}
AUDITOR = VIEWER | {
    A.SHARE_VIEW,
    A.LINK_VIEW,
    A.GROUP_VIEW,
    A.QUOTA_VIEW,
    A.TEMPLATE_VIEW,
    A.TEMPLATE_INSPECT,
    A.IMAGE_VIEW,
    A.POOL_VIEW,
    A.HOST_VIEW,
    A.NETWORK_VIEW,
    A.JOB_VIEW,
    A.RECORDING_VIEW,
    A.PEOPLE_VIEW,
    A.AUDIT_VIEW,
}
USER = {A.VM_CREATE}
"""What needs no thing, of a user."""
AUTHOR = USER | {A.TEMPLATE_CREATE, A.NETWORK_VIEW, A.IMAGE_ADD}
TABLE: dict[str, set[Action]] = {
    "admin": set(Action),
    "alice": OWNER | USER,
    "bob": OPERATOR | USER,
    "carol": VIEWER | USER,
    "colleague": OWNER | USER,
    "manager": OWNER | USER,
    "member": CO_OWNER | USER,
    "trainee": OPERATOR | USER,
    "author": AUTHOR,
    "auditor": AUDITOR,
    "auditor-who-owns": AUDITOR,
    "mallory": USER,
    "gone": set(),
}
"""What each of the cast may do to a guest of alice. Members of a group that owns the guest own it,
but only managers of the group share it further. A new action without a right answer here fails."""


@pytest.fixture
def vm(alice):
    """A guest of alice."""
    host = Host.objects.create(name="h", uri="test:///default")
    return VM.objects.create(host=host, domain_uuid=uuid.uuid4(), name="web", owner=alice)


@pytest.fixture
def cast(admin, alice, bob, carol, mallory, vm):
    """The cast by name, each with its share in the guest of alice."""
    people = {user.username: user for user in (admin, alice, bob, carol, mallory)}
    for name in ("colleague", "manager", "member", "trainee", "author", "auditor"):
        people[name] = make_user(name, name if name in Role.values else "user")
    people["auditor-who-owns"] = make_user("auditor-who-owns", "auditor")
    people["gone"] = User.objects.create_user("gone", role="administrator", is_active=False)
    for name, role in (("bob", "operator"), ("carol", "viewer"), ("colleague", "owner")):
        Share.objects.create(vm=vm, user=people[name], role=role)
    Share.objects.create(vm=vm, user=people["auditor-who-owns"], role="owner")
    team, school = Group.objects.create(name="Team"), Group.objects.create(name="School")
    Share.objects.create(vm=vm, group=team, role="owner")
    Share.objects.create(vm=vm, group=school, role="operator")
    Membership.objects.create(group=team, user=people["manager"], is_manager=True)
    Membership.objects.create(group=team, user=people["member"])
    Membership.objects.create(group=school, user=people["trainee"], is_manager=True)
    return people


@pytest.mark.parametrize("name", list(TABLE))
def test_what_each_may_do_to_a_guest_of_alice(cast, vm, name):
    actor = Person(cast[name])
    allowed = {action for action in Action if can(actor, action, vm)}
    assert allowed == TABLE[name]


def test_every_role_of_the_site_has_rules():
    assert set(RULES) == set(Role.values) - {Role.ADMINISTRATOR}


def test_everything_is_denied_without_a_thing_except_what_needs_none(cast):
    for name, needs_none in (("mallory", USER), ("alice", USER), ("author", AUTHOR)):
        assert {action for action in Action if can(Person(cast[name]), action)} == needs_none


def test_an_auditor_changes_nothing_but_his_own_account(cast):
    changing = set(RULES[Role.AUDITOR]) - AUDITOR
    assert changing == {A.ACCOUNT_EDIT, A.PASSWORD_CHANGE}
    auditor, alice = cast["auditor"], cast["alice"]
    assert can(Person(auditor), A.ACCOUNT_EDIT, auditor)
    assert not can(Person(auditor), A.ACCOUNT_EDIT, alice)


def test_the_system_itself_may_do_everything(vm):
    assert all(can(SystemActor(), action, vm) for action in Action)


def _rows(alice, vm):
    pool = Pool.objects.create(host=vm.host, pool_uuid=uuid.uuid4(), name="p")
    Volume.objects.create(pool=pool, name="a.iso", path="/p/a.iso", format="iso")
    seed = f"{uuid.uuid4()}-seed.iso"
    Volume.objects.create(pool=pool, name=seed, path=f"/p/{seed}", format="iso")
    Volume.objects.create(pool=pool, name="disk.qcow2", path="/p/disk.qcow2", format="qcow2")
    image = Volume.objects.create(pool=pool, name="a.qcow2", path="/p/a.qcow2", format="qcow2")
    for name in ("author", "admin"):
        brought = f"of-{name}.qcow2"
        user = User.objects.get(username=name)
        Volume.objects.create(pool=pool, name=brought, path=f"/p/{brought}", format="qcow2")
        ImageOrigin.objects.create(
            host=vm.host, pool_name="p", volume_name=brought, source="upload", added_by=user
        )
        Upload.objects.create(
            user=user, pool=pool, filename=name, size_bytes=1, expires_at=timezone.now()
        )
    Network.objects.create(host=vm.host, network_uuid=uuid.uuid4(), name="n")
    author = User.objects.get(username="author")
    for name, made_by in (("t", None), ("u", author)):
        Template.objects.create(
            name=name,
            host=vm.host,
            pool_name="p",
            volume_name="a.qcow2",
            image=image,
            created_by=made_by,
        )
    foreign = VM.objects.create(host=vm.host, domain_uuid=uuid.uuid4(), name="foreign")
    for actor in (alice, User.objects.get(username="bob"), None):
        for guest in (vm, foreign, None):
            Job.objects.create(kind="create-vm", state="failed", vm=guest, actor=actor)
    for guest in (vm, foreign, None):
        Recording.objects.create(vm=guest, vm_name="g", kind="vnc")
    for name in ("alice", "bob", "auditor"):
        user = User.objects.get(username=name)
        SshKey.objects.create(user=user, kind="ssh-rsa", fingerprint="SHA256:x", line="ssh-rsa x")
        ApiToken.objects.create(user=user, name="t", secret_hash=name)
    AuditEntry.objects.create(actor=alice, actor_name="alice", action="vm.start", phase="requested")
    for guest in (vm, foreign):
        later = timezone.now() + timedelta(hours=1)
        ConsoleLink.objects.create(
            vm=guest, made_by=alice, name="l", secret_hash=guest.name, expires_at=later
        )


@pytest.mark.parametrize("model", list(VIEW_ACTIONS))
@pytest.mark.parametrize("name", list(TABLE))
def test_what_a_list_shows_is_what_fetching_allows(cast, vm, name, model):
    _rows(cast["alice"], vm)
    actor = Person(cast[name])
    shown = list(visible(actor, model.objects.all()))
    allowed = {row for row in model.objects.all() if can(actor, VIEW_ACTIONS[model], row)}
    assert set(shown) == allowed
    assert len(shown) == len(allowed), "something stands there twice"


@pytest.mark.parametrize("name", list(TABLE))
def test_only_jobs_of_guests_that_somebody_works_with_can_be_stopped_by_him(cast, vm, name):
    _rows(cast["alice"], vm)
    actor, me = Person(cast[name]), cast[name]
    stops = {job for job in Job.objects.all() if can(actor, A.JOB_CANCEL, job)}
    of_guest = Job.objects.filter(vm=vm)
    allowed = {
        *Job.objects.filter(vm=None, actor=me),
        *(of_guest if A.VM_EDIT in TABLE[name] else []),
        *(of_guest.filter(actor=me) if A.VM_POWER in TABLE[name] else []),
    }
    if name in {"admin", "gone"}:
        allowed = set(Job.objects.all()) if name == "admin" else set()
    assert stops == allowed


def test_an_author_manages_the_templates_that_he_made_and_sees_no_disk_of_a_guest(cast, vm):
    _rows(cast["alice"], vm)
    actor = Person(cast["author"])
    managed = [row.name for row in Template.objects.all() if can(actor, A.TEMPLATE_MANAGE, row)]
    assert managed == ["u"]
    seen = {row.name for row in visible(actor, Volume.objects.all())}
    assert seen == {"a.iso", "a.qcow2", "of-author.qcow2"}
    assert not any(
        can(Person(cast["alice"]), A.TEMPLATE_MANAGE, row) for row in Template.objects.all()
    )


def test_an_author_manages_the_images_that_he_brought_and_no_others(cast, vm, settings):
    _rows(cast["alice"], vm)
    for action in (A.IMAGE_MANAGE, A.VOLUME_DOWNLOAD):
        for name, own in (("author", {"of-author.qcow2"}), ("alice", set()), ("auditor", set())):
            actor = Person(cast[name])
            assert {row.name for row in Volume.objects.all() if can(actor, action, row)} == own
    assert not can(Person(cast["author"]), A.IMAGE_FETCH_URL)
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"author_urls": True})
    assert can(Person(cast["author"]), A.IMAGE_FETCH_URL)
    assert not can(Person(cast["alice"]), A.IMAGE_FETCH_URL)


def test_a_group_manager_adds_members_and_a_member_does_not(cast):
    team, school = Group.objects.get(name="Team"), Group.objects.get(name="School")
    assert can(Person(cast["manager"]), A.GROUP_ADD_MEMBERS, team)
    assert not can(Person(cast["manager"]), A.GROUP_ADD_MEMBERS, school)
    for name in ("manager", "member", "mallory", "auditor", "alice"):
        assert not can(Person(cast[name]), A.GROUP_MANAGE, team)
    for name in ("member", "mallory", "auditor", "alice"):
        assert not can(Person(cast[name]), A.GROUP_ADD_MEMBERS, team)


def test_of_several_roles_on_a_guest_the_strongest_counts(cast, vm):
    school = Group.objects.get(name="School")
    Membership.objects.create(group=school, user=cast["carol"])
    assert standing.on(cast["carol"], VM.objects.get(pk=vm.pk)) == Standing(VmRole.OPERATOR)
    Share.objects.filter(user=cast["bob"]).update(role="owner")
    Membership.objects.create(group=school, user=cast["bob"])
    assert standing.on(cast["bob"], VM.objects.get(pk=vm.pk)) == standing.OWNER


def test_reading_many_standings_at_once_gives_the_same_as_one_by_one(
    cast, vm, django_assert_num_queries
):
    VM.objects.create(host=vm.host, domain_uuid=uuid.uuid4(), name="foreign")
    for user in cast.values():
        if user.role == Role.ADMINISTRATOR:
            continue
        guests = list(VM.objects.order_by("name"))
        one_by_one = [standing.on(user, guest) for guest in VM.objects.order_by("name")]
        with django_assert_num_queries(1):
            standing.remember(user, guests)
            assert [standing.on(user, guest) for guest in guests] == one_by_one


def test_nothing_is_read_of_shares_for_an_administrator_who_has_all_rights_anyway(
    cast, vm, django_assert_num_queries
):
    with django_assert_num_queries(0):
        standing.remember(cast["admin"], [vm])
        assert can(Person(cast["admin"]), Action.VM_DELETE, vm)


def test_what_is_asked_of_a_guest_is_in_the_order_of_the_roles():
    ranks = [role.rank for role in (VmRole.VIEWER, VmRole.OPERATOR, VmRole.OWNER)]
    assert ranks == sorted(ranks)
    assert set(VM_NEEDS.values()) == set(VmRole)


@pytest.mark.parametrize("both", [True, False])
def test_a_share_is_with_exactly_one_person_or_group(cast, vm, both):
    group = Group.objects.create(name="Third")
    with pytest.raises(IntegrityError), transaction.atomic():
        Share.objects.create(
            vm=vm,
            user=cast["mallory"] if both else None,
            group=group if both else None,
            role="viewer",
        )


@pytest.mark.parametrize("role", ["", "king", "administrator"])
def test_a_share_at_an_unknown_role_cannot_be_stored(cast, vm, role):
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        Share.objects.create(vm=vm, user=cast["mallory"], role=role)


def test_a_guest_is_shared_once_with_each(cast, vm):
    with pytest.raises(IntegrityError), transaction.atomic():
        Share.objects.create(vm=vm, user=cast["bob"], role="viewer")


def test_names_of_groups_differ_in_more_than_case(db):
    Group.objects.create(name="Class 7b")
    with pytest.raises(IntegrityError), transaction.atomic():
        Group.objects.create(name="CLASS 7B")


def test_a_token_of_a_scope_that_is_none_lets_nothing_through(admin):
    token = ApiToken(user=admin, scope="root")
    assert not [action for action in Action if can(Person(admin, token=token), action)]
