"""Quotas in the pages: forms, bars, and the form of a new guest that ends where they end."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from django.urls import reverse

from tests.support.altering import set_blueprint
from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import VM, Group, Membership, Quota
from vms.policy import SystemActor
from vms.services import quota_rules
from vms.services.quotas import Limits, Unlimited

GIB = 1 << 30


@pytest.fixture
def students(alice):
    """A group of alice."""
    group = Group.objects.create(name="Students")
    Membership.objects.create(group=group, user=alice)
    return group


@pytest.fixture
def new(template):
    return reverse("guest-new-from", args=[template.pk])


def of_group(group, **limits):
    quota_rules.set_group(actor=SystemActor(), group_id=group.pk, limits=Limits(**limits))


def test_an_administrator_sets_the_quota_of_a_group_of_a_person_and_of_everybody(
    web, admin, alice, students
):
    client = web(admin)
    said = {
        "vcpus_said": "at-most",
        "vcpus": "8",
        "memory_mib_said": "at-most",
        "memory_mib": "1.5",
        "disk_bytes_said": "unlimited",
        "disk_bytes": "7",
    }
    for url in (
        reverse("quota-site"),
        reverse("quota-person", args=[alice.pk]),
        reverse("quota-group", args=[students.pk]),
    ):
        assert client.post(url, said).headers["Location"] == reverse("people-quotas")
    for row in Quota.objects.all():
        assert quota_limits(row) == Limits(vcpus=8, memory_mib=1536, disk_bytes=Unlimited.UNLIMITED)
    assert {row.scope for row in Quota.objects.all()} == {"site", "user", "group"}


def quota_limits(row):
    from vms.services import quotas

    return quotas.read(row)


def test_the_form_shows_what_is_set_and_what_is_used(web, admin, students, row_of, alice):
    of_group(students, vcpus=8, guests=Unlimited.UNLIMITED, disk_bytes=3 * GIB)
    row_of(alice, vcpus=6)
    page = web(admin).get(reverse("quota-group", args=[students.pk]))
    assert (value_of(page, "vcpus"), value_of(page, "disk_bytes")) == ("8", "3")
    chosen = [option.get("value") for option in tree(page).cssselect("option[selected]")]
    assert chosen == ["unlimited", "", "at-most", "", "at-most"]
    assert "6 of 8" in " ".join(texts(page, ".quota-line"))


@pytest.mark.parametrize("value", ["", "-1", "many", "1.5"])
def test_a_limit_that_is_no_number_says_so_at_its_field_and_sets_nothing(web, admin, value):
    answer = web(admin).post(
        reverse("quota-site"),
        {"guests_said": "at-most", "guests": value, "vcpus_said": "unlimited"},
    )
    assert answer.status_code == 422
    assert error_beside(answer, "guests")
    assert not Quota.objects.exists()


def test_the_page_of_quotas_shows_everybody_and_every_group(web, admin, alice, students, row_of):
    of_group(students, vcpus=8)
    row_of(alice, vcpus=6)
    page = web(admin).get(reverse("people-quotas"))
    assert "1 member" in texts(page, "#quota-groups td")[0]
    assert "6 of 8" in texts(page, "#quota-groups td")[1]
    assert "alice" in " ".join(texts(page, "#quota-people td"))
    assert "No limit is set" in texts(page, "#quota-site")[0]


def test_others_find_no_page_of_quotas(web, alice, mallory, students):
    addresses = [
        reverse("people-quotas"),
        reverse("quota-site"),
        reverse("quota-person", args=[alice.pk]),
    ]
    for user in (alice, mallory):
        for address in addresses:
            assert web(user).get(address).status_code == 403
            assert web(user).post(address, {"guests_said": "unlimited"}).status_code in (403, 405)
    missing = reverse("quota-group", args=[uuid.uuid4()])
    foreign = reverse("quota-group", args=[students.pk])
    answers = [web(mallory).get(address) for address in (foreign, missing)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert texts(answers[0], "main") == texts(answers[1], "main")
    assert web(alice).post(foreign, {"guests_said": "unlimited"}).status_code == 403
    assert not Quota.objects.exists()


def test_my_account_shows_the_quotas_that_bind_me_with_bars(web, alice, students, row_of):
    assert "Nothing limits" in texts(web(alice).get(reverse("account")), "#quota")[0]
    of_group(students, vcpus=8)
    quota_rules.set_site(actor=SystemActor(), limits=Limits(guests=4))
    row_of(alice, vcpus=6)
    page = web(alice).get(reverse("account"))
    assert texts(page, "#quota h3") == ["The site's quota for you", "Your group “Students”"]
    assert texts(page, "#quota .quota-line") == ["Guests1 of 4", "Virtual CPUs6 of 8"]
    (first, second) = tree(page).cssselect("#quota svg rect")
    assert (first.get("width"), second.get("width")) == ("25%", "75%")


def test_the_sliders_of_a_new_guest_end_where_the_quota_ends_and_say_whose_it_is(
    web, alice, new, students, row_of
):
    of_group(students, vcpus=3, memory_mib=1024, disk_bytes=3 * GIB)
    row_of(alice, vcpus=1, memory_mib=512, disk_bytes=GIB)
    page = web(alice).get(new)
    for name, largest, words in (
        ("vcpus", "2", "Your group “Students” allows 3 vCPUs; 2 left."),
        ("memory_mib", "512", "Your group “Students” allows 1 GiB of memory; 512 MiB left."),
        ("disk_gib", "2", "Your group “Students” allows 3 GiB of disk; 2 GiB left."),
    ):
        assert tree(page).cssselect(f"[name={name}]")[0].get("max") == largest
        assert words in texts(page, ".hint.is-quota")


def test_what_is_proposed_fits_into_the_quota(web, alice, new, students, template):
    set_blueprint(template, replace(template.plan, memory_mib=512))
    of_group(students, memory_mib=256)
    assert value_of(web(alice).get(new), "memory_mib") == "256"


def test_a_used_up_quota_is_said_before_anything_is_typed(web, alice, new, students, row_of):
    of_group(students, guests=1, running=1)
    row_of(alice, state="running")
    page = web(alice).get(new)
    said = texts(page, ".notice.is-warning")
    assert said == ["Your group “Students” allows 1 guest; none left."]
    assert not tree(page).cssselect("[name=is_started]")[0].get("checked")


def test_a_refusal_stands_beside_its_field_and_what_was_typed_is_kept(web, alice, new, students):
    of_group(students, vcpus=1)
    data = {"name": "web", "vcpus": "2", "memory_mib": "128", "disk_gib": "1"}
    answer = web(alice).post(new, data)
    assert answer.status_code == 422
    said = error_beside(answer, "vcpus")
    assert said == "Your group “Students” allows 1 vCPU; 0 are in use and this guest wants 2."
    assert value_of(answer, "vcpus") == "2"
    assert not VM.objects.filter(name="web").exists()
