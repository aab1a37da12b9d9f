"""The page of who may use a template, and the form of a new guest within its limits."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import Group, Membership
from vms.policy import SystemActor
from vms.services import template_access
from vms.services.template_access import Access, Limits, Span

GIB = 1 << 30


@pytest.fixture
def students(alice):
    """A group of alice."""
    group = Group.objects.create(name="Students")
    Membership.objects.create(group=group, user=alice)
    return group


@pytest.fixture
def url(template):
    return reverse("template-access", args=[template.pk])


@pytest.fixture
def new(template):
    return reverse("guest-new-from", args=[template.pk])


def limit(template, **limits):
    wanted = Access(True, frozenset(), Limits(**limits))
    template_access.set_access(actor=SystemActor(), template_id=template.pk, wanted=wanted)


def test_an_administrator_grants_a_template_to_a_group_within_limits(
    web, admin, mallory, template, students, url
):
    data = {
        "groups": [str(students.pk)],
        "min_vcpus": "1",
        "max_vcpus": "4",
        "max_disk_gib": "2.5",
        "networks": ["default"],
        "cloud_fields": ["user", "ssh_keys"],
    }
    assert web(admin).post(url, data).url == reverse("templates")
    now = template_access.access(actor=SystemActor(), template_id=template.pk)
    assert (now.is_for_all, now.group_ids) == (False, {students.pk})
    assert now.limits == Limits(
        vcpus=Span(1, 4),
        disk_bytes=Span(None, 5 * GIB // 2),
        networks=("default",),
        cloud_fields=("user", "ssh_keys"),
    )
    page = web(admin).get(url)
    assert (value_of(page, "max_vcpus"), value_of(page, "max_disk_gib")) == ("4", "2.5")
    ticked = [box.get("value") for box in tree(page).cssselect("[name=cloud_fields][checked]")]
    assert ticked == ["user", "ssh_keys"]
    assert not tree(web(mallory).get(reverse("guest-new"))).cssselect("a.choice")


def test_ends_in_the_wrong_order_say_so_at_their_field_and_change_nothing(
    web, admin, template, url
):
    answer = web(admin).post(url, {"is_for_all": "on", "min_vcpus": "4", "max_vcpus": "2"})
    assert answer.status_code == 422
    assert "under the lower" in error_beside(answer, "max_vcpus")
    assert value_of(answer, "min_vcpus") == "4"
    assert template_access.limits_of(template) == Limits()


def test_the_fields_of_a_new_guest_end_where_the_template_ends_them(web, alice, template, new):
    limit(template, vcpus=Span(1, 2), memory_mib=Span(64, 256), networks=("default",))
    page = web(alice).get(new)
    assert tree(page).cssselect("[name=vcpus]")[0].get("max") == "2"
    assert tree(page).cssselect("[name=memory_mib]")[0].get("min") == "64"
    assert "This template allows 1 to 2." in texts(page, ".hint.is-quota")
    options = [one.get("value") for one in tree(page).cssselect("[name=network_name] option")]
    assert options == ["", "default"]


def test_a_value_outside_is_refused_at_its_field(web, alice, template, new):
    limit(template, vcpus=Span(1, 2))
    data = {"name": "web", "vcpus": "3", "memory_mib": "128", "disk_gib": "1"}
    answer = web(alice).post(new, data)
    assert answer.status_code == 422
    assert error_beside(answer, "vcpus") == "This template allows 1 to 2."


def test_others_change_no_access(web, alice, mallory, template, url):
    for user in (alice, mallory):
        assert web(user).get(url).status_code == 403
        assert web(user).post(url, {"is_for_all": "on"}).status_code == 403
