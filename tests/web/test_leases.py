"""Leases in the pages: what the guest's page and the list say, moving the end, and the rules."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.web.conftest import error_beside, texts, value_of
from vms.models import Group, Lease, LeaseRule, Membership

DAY = timedelta(days=1)


@pytest.fixture
def students(alice):
    """A group of alice whose guests live for sixty days at most."""
    group = Group.objects.create(name="Students")
    Membership.objects.create(group=group, user=alice)
    LeaseRule.objects.create(group=group, default_days=30, max_days=60, grace_days=7)
    return group


@pytest.fixture
def guest(row_of, alice, students):
    """A guest of alice that ends in two days and some hours."""
    vm = row_of(alice, name="web")
    Lease.objects.create(vm=vm, expires_at=timezone.now() + timedelta(days=2, hours=5))
    return vm


def test_the_list_says_that_an_end_is_near_and_nothing_of_a_far_one(web, alice, guest, row_of):
    other = row_of(alice, name="db")
    Lease.objects.create(vm=other, expires_at=timezone.now() + 20 * DAY)
    assert texts(web(alice).get("/"), ".g-row .tag-warn") == ["ends in 2 days"]


def test_the_page_of_a_guest_warns_and_leads_to_where_the_end_is_moved(web, alice, guest):
    page = web(alice).get(reverse("guest", args=[guest.pk]))
    said = texts(page, ".notice.is-warning")
    assert len(said) == 1
    assert "shut down on" in said[0]
    assert "Move the end" in said[0]


def test_an_end_that_has_come_says_when_the_guest_goes(web, alice, guest):
    Lease.objects.update(expires_at=timezone.now() - DAY, grace_days=5)
    gone = f"{timezone.now() + 4 * DAY:%Y-%m-%d}"
    assert texts(web(alice).get("/"), ".g-row .tag-warn") == [f"ended, deleted after {gone}"]


def test_the_owner_moves_the_end(web, alice, guest):
    until = f"{timezone.now() + 40 * DAY:%Y-%m-%d}"
    url = reverse("guest-lease", args=[guest.pk])
    assert web(alice).post(url, {"until": until}).status_code == 302
    assert f"{Lease.objects.get().expires_at:%Y-%m-%d}" == until


@pytest.mark.parametrize(
    ("days", "words"), [(90, "At most until"), (-3, "over already"), (None, "has to end some day")]
)
def test_an_end_that_is_not_allowed_says_so_at_its_field_and_keeps_what_was_typed(
    web, alice, guest, days, words
):
    before = Lease.objects.get().expires_at
    until = "" if days is None else f"{timezone.now() + days * DAY:%Y-%m-%d}"
    answer = web(alice).post(reverse("guest-lease", args=[guest.pk]), {"until": until})
    assert answer.status_code == 422
    assert words in error_beside(answer, "until")
    assert value_of(answer, "until") == until or not until
    assert Lease.objects.get().expires_at == before


def test_a_stranger_moves_no_end(web, mallory, guest):
    before = Lease.objects.get().expires_at
    for pk in (guest.pk, uuid.uuid4()):
        answer = web(mallory).post(reverse("guest-lease", args=[pk]), {"until": "2030-01-01"})
        assert answer.status_code == 404
    assert Lease.objects.get().expires_at == before


def test_an_administrator_sets_the_rule_of_a_group_and_of_everybody(web, admin, students):
    client = web(admin)
    group = reverse("lease-group", args=[students.pk])
    assert value_of(client.get(group), "default_days") == "30"
    assert client.post(group, {"default_days": "10", "max_days": "", "grace_days": "3"}).url
    client.post(reverse("lease-site"), {"default_days": "90", "max_days": "180"})
    rules = LeaseRule.objects.order_by("is_for_all").values_list(
        "is_for_all", "default_days", "max_days", "grace_days"
    )
    assert list(rules) == [(False, 10, None, 3), (True, 90, 180, 7)]


def test_a_rule_that_makes_no_sense_says_so_at_its_field(web, admin, students):
    answer = web(admin).post(reverse("lease-site"), {"default_days": "10", "max_days": "5"})
    assert answer.status_code == 422
    assert error_beside(answer, "default_days") == "At most 5."
    assert LeaseRule.objects.count() == 1


def test_others_set_no_rules(web, alice, mallory, students):
    for user in (alice, mallory):
        assert web(user).get(reverse("lease-site")).status_code == 403
        assert web(user).post(reverse("lease-site"), {"max_days": "9999"}).status_code == 403
    url = reverse("lease-group", args=[students.pk])
    assert web(alice).post(url, {"max_days": "9999"}).status_code == 403
    assert web(mallory).post(url, {"max_days": "9999"}).status_code == 404
    assert LeaseRule.objects.get().max_days == 60
