"""What a directory's groups mean here."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from kvmweb.env import Env
from vms.models import AuditEntry, Group, Membership, Role
from vms.services import directory
from vms.services.directory import Meaning

pytestmark = pytest.mark.django_db

MEANING = Meaning(
    groups={"lab3": "Lab 3", "cn=staff,dc=x": "Staff"},
    roles={"boss": "administrator", "teacher": "author"},
)


def apply(user, *names: str, meaning: Meaning = MEANING) -> None:
    directory.apply(user=user, names=names, meaning=meaning, source="directory")
    user.refresh_from_db()


def groups_of(user) -> set[str]:
    return set(Membership.objects.filter(user=user).values_list("group__name", flat=True))


def test_groups_and_the_strongest_role_are_taken_over(admin, alice):
    apply(alice, "lab3", "teacher", "boss", "unknown")
    assert (alice.role, groups_of(alice)) == (Role.ADMINISTRATOR, {"Lab 3"})
    apply(alice, "cn=staff,dc=x")
    assert (alice.role, groups_of(alice)) == (Role.USER, {"Staff"})


def test_groups_that_the_mapping_does_not_name_are_left_alone(alice):
    Membership.objects.create(user=alice, group=Group.objects.create(name="By hand"))
    apply(alice, "By hand")
    assert groups_of(alice) == {"By hand"}


def test_without_mapped_roles_the_role_stays(alice):
    alice.role = Role.AUDITOR
    alice.save()
    apply(alice, "boss", meaning=Meaning(groups={}, roles={}))
    assert alice.role == Role.AUDITOR


def test_the_last_administrator_stays_one(admin):
    apply(admin)
    assert admin.role == Role.ADMINISTRATOR


def test_only_what_changed_is_audited(alice):
    for _ in range(2):
        apply(alice, "lab3", "teacher")
    line = AuditEntry.objects.filter(action="people.directory", phase="succeeded").get()
    assert line.detail["changes"] == ["role author", "into Lab 3"]
    assert line.actor_name == "directory"


def test_the_mapping_is_read_from_one_line():
    env = Env(oidc_groups="a=Lab 3, b = Staff", oidc_roles="cn=x,dc=y=author; z=auditor")
    assert env.oidc_groups == {"a": "Lab 3", "b": "Staff"}
    assert env.oidc_roles == {"cn=x,dc=y": "author", "z": "auditor"}
    with pytest.raises(ValidationError):
        Env(oidc_groups="a")


def test_mallory_in_no_group_gets_nothing(mallory):
    apply(mallory, "LAB3", "Boss")
    assert (mallory.role, groups_of(mallory)) == (Role.USER, set())
