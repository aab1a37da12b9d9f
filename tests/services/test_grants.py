"""Templates for some: who sees and uses one, and what may be changed in a new guest."""

from __future__ import annotations

import uuid

import pytest

from tests.conftest import make_user
from vms import messages, selectors
from vms.hypervisor.xml.parse import parse_domain
from vms.models import VM, AuditEntry, Group, Membership, TemplateGrant
from vms.policy import Action, Person, SystemActor, can
from vms.problems import Forbidden, Invalid, NotFound
from vms.services import machines, template_access, templates
from vms.services.template_access import Access, Limits, Span

GIB = 1 << 30
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me"


@pytest.fixture
def students(alice):
    """A group of alice."""
    return group_of("Students", alice)


@pytest.fixture
def author(db):
    """A template author."""
    return make_user("author", "author")


def group_of(name, *users):
    group = Group.objects.create(name=name)
    for user in users:
        Membership.objects.create(group=group, user=user)
    return group


def grant(template, *groups, for_all=False, **limits):
    wanted = Access(for_all, frozenset(group.pk for group in groups), Limits(**limits))
    template_access.set_access(actor=SystemActor(), template_id=template.pk, wanted=wanted)


def sees(user, template):
    return template in selectors.templates(Person(user))


def test_a_new_template_of_an_administrator_is_for_everyone(template, alice, mallory):
    assert sees(alice, template)
    assert sees(mallory, template)


def test_a_template_of_a_group_is_for_its_members_alone(template, alice, mallory, admin, students):
    grant(template, students)
    assert sees(alice, template)
    assert sees(admin, template)
    assert not sees(mallory, template)
    for pk in (template.pk, uuid.uuid4()):
        with pytest.raises(NotFound):
            selectors.template(Person(mallory), pk)
        request = machines.CreateRequest(template_id=pk)
        with pytest.raises(Invalid) as caught:
            machines.create(actor=Person(mallory), request=request)
        assert caught.value.fields["template"].code == "unknown-template"


def test_a_template_without_a_grant_is_for_administrators_alone(template, alice, admin):
    grant(template)
    assert not sees(alice, template)
    assert sees(admin, template)


def test_who_leaves_the_group_loses_the_template(template, alice, students):
    grant(template, students)
    Membership.objects.filter(user=alice).delete()
    assert not sees(alice, template)


def test_the_template_of_an_author_is_for_his_groups(image, author, alice, mallory):
    group_of("Lab", author, alice)
    defaults = templates.TemplateDefaults(name="Mine", memory_mib=128, has_cloud_init=False)
    TemplateGrant.objects.all().delete()
    from vms.models import Template

    row = Template.objects.create(
        name="Seed", host=image.pool.host, image=image, pool_name="p", volume_name="v"
    )
    TemplateGrant.objects.create(template=row, is_for_all=True)
    made = templates.create(actor=Person(author), image_id=image.pk, defaults=defaults)
    assert sees(alice, made)
    assert not sees(mallory, made)


def test_an_author_manages_the_templates_of_his_groups_only(template, author, alice, students):
    actor = Person(author)
    assert can(actor, Action.TEMPLATE_MANAGE, template) is False  # it is for everyone
    grant(template, students)
    assert can(actor, Action.TEMPLATE_MANAGE, template) is False
    Membership.objects.create(group=students, user=author)
    assert can(actor, Action.TEMPLATE_MANAGE, template)
    grant(template, students, group_of("Others"))
    assert can(actor, Action.TEMPLATE_MANAGE, template) is False


def test_an_author_manages_what_he_made_whoever_else_uses_it(template, author, students):
    actor = Person(author)
    type(template).objects.filter(pk=template.pk).update(created_by=author)
    template.refresh_from_db()
    for grants in ({"for_all": True}, {}):
        grant(template, *([] if grants else [students]), **grants)
        assert can(actor, Action.TEMPLATE_MANAGE, template)
    author.role = "user"
    assert not can(Person(author), Action.TEMPLATE_MANAGE, template)


def test_what_an_administrator_granted_stays_when_an_author_saves(template, author, students):
    own = group_of("Lab", author)
    type(template).objects.filter(pk=template.pk).update(created_by=author)
    grant(template, students, for_all=True)

    def saved(for_all: bool, *groups) -> set[str]:
        wanted = Access(for_all, frozenset(group.pk for group in groups), Limits())
        template_access.set_access(actor=Person(author), template_id=template.pk, wanted=wanted)
        rows = TemplateGrant.objects.filter(template=template).select_related("group")
        return {row.group.name if row.group else "everyone" for row in rows}

    assert saved(True, own) == {"everyone", "Lab", "Students"}
    assert saved(True, students) == {"everyone", "Students"}
    assert saved(False, own) == {"Lab", "Students"}
    with pytest.raises(Invalid):  # what he took away he cannot give
        saved(True, own)


def test_an_author_grants_to_his_own_groups_and_never_to_everyone(template, author, students):
    Membership.objects.create(group=students, user=author)
    grant(template, students)
    other = group_of("Others")
    for wanted, field in (
        (Access(True, frozenset(), Limits()), "is_for_all"),
        (Access(False, frozenset({other.pk}), Limits()), "groups"),
    ):
        with pytest.raises(Invalid) as caught:
            template_access.set_access(actor=Person(author), template_id=template.pk, wanted=wanted)
        assert set(caught.value.fields) == {field}
    assert [row.group for row in TemplateGrant.objects.all()] == [students]


def test_users_grant_nothing(template, alice, mallory, students):
    for user in (alice, mallory):
        with pytest.raises(Forbidden):
            template_access.set_access(
                actor=Person(user),
                template_id=template.pk,
                wanted=Access(True, frozenset(), Limits()),
            )


@pytest.mark.parametrize(
    ("limits", "values", "field", "said"),
    [
        ({"vcpus": Span(1, 2)}, {"vcpus": 3}, "vcpus", "This template allows 1 to 2."),
        ({"vcpus": Span(2)}, {"vcpus": 1}, "vcpus", "This template allows at least 2."),
        (
            {"memory_mib": Span(None, 256)},
            {"memory_mib": 512},
            "memory_mib",
            "This template allows at most 256 MiB.",
        ),
        (
            {"disk_bytes": Span(None, GIB)},
            {"disk_bytes": 2 * GIB},
            "disk_bytes",
            "This template allows at most 1 GiB.",
        ),
        ({}, {"network_name": "lan"}, "network_name", "This template does not offer that network."),
    ],
)
def test_what_lies_outside_the_limits_is_refused_at_its_field(
    template, alice, limits, values, field, said
):
    grant(template, for_all=True, **limits)
    request = machines.CreateRequest(template_id=template.pk, **values)
    with pytest.raises(Invalid) as caught:
        machines.create(actor=Person(alice), request=request)
    assert messages.sentence(caught.value.fields[field]) == said
    assert not VM.objects.filter(owner=alice).exists()


def test_limits_bind_administrators_too(template, admin):
    grant(template, for_all=True, vcpus=Span(1, 1))
    request = machines.CreateRequest(template_id=template.pk, vcpus=2)
    with pytest.raises(Invalid):
        machines.create(actor=Person(admin), request=request)


def test_a_network_that_the_template_offers_is_that_of_the_new_guest(template, make_guest, alice):
    grant(template, for_all=True, networks=("default",))
    vm = make_guest(alice, "web", network_name="default")
    assert [nic.source for nic in parse_domain(vm.xml).nics] == ["default"]
    other = make_guest(alice, "db")
    assert parse_domain(other.xml).nics == ()


def test_limits_that_make_no_sense_are_refused_at_their_field(template):
    for limits, field in (
        ({"vcpus": Span(4, 2)}, "max_vcpus"),
        ({"networks": ("nowhere",)}, "networks"),
        ({"cloud_fields": ("root",)}, "cloud_fields"),
        ({"memory_mib": Span(-1, None)}, "min_memory_mib"),
    ):
        with pytest.raises(Invalid) as caught:
            grant(template, for_all=True, **limits)
        assert set(caught.value.fields) == {field}


def test_a_grant_is_audited_with_whom_it_is_for(template, students):
    grant(template, students)
    line = AuditEntry.objects.get(action="template.grant", phase="succeeded")
    assert (line.target_name, line.detail) == (template.name, {"granted to": ["Students"]})
