"""A new guest: the cards, the form, and a message at each field that is wrong."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.support.altering import alter_templates
from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import VM, Host, Volume

GOOD = {"name": "web 1", "vcpus": "1", "memory_mib": "128", "disk_gib": "1", "is_started": "on"}


@pytest.fixture
def url(template):
    return reverse("guest-new-from", args=[template.pk])


@pytest.fixture
def cloud_url(template):
    alter_templates(has_cloud_init=True, default_user="tiny")
    return reverse("guest-new-from", args=[template.pk])


def test_cards_lead_to_the_form(web, alice, url):
    page = tree(web(alice).get(reverse("guest-new")))
    assert [link.get("href") for link in page.cssselect("a.choice")] == [url]


def test_invalid_template_is_shown_with_its_reason_and_leads_nowhere(web, alice, template):
    Volume.objects.all().delete()
    page = web(alice).get(reverse("guest-new"))
    assert not tree(page).cssselect("a.choice")
    assert "no longer in the pool" in texts(page, ".choice .reason")[0]


def test_without_templates_the_page_says_what_to_do(web, alice, admin):
    assert "administrator" in texts(web(alice).get(reverse("guest-new")), ".empty-state")[0]
    assert "New template" in texts(web(admin).get(reverse("guest-new")), ".empty-state")[0]


def test_form_proposes_name_and_the_defaults_of_the_template(web, alice, url):
    page = web(alice).get(url)
    assert value_of(page, "name") == "small-one-1"
    assert value_of(page, "vcpus") == "1"
    assert value_of(page, "memory_mib") == "128"
    assert value_of(page, "disk_gib") == "1"


def test_guest_is_made_and_its_row_stands_in_the_list(
    web, alice, url, django_capture_on_commit_callbacks
):
    client = web(alice)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(url, GOOD)
    assert answer.headers["Location"] == "/"
    guest = VM.objects.get(name="web 1")
    assert (guest.owner, guest.memory_mib, guest.vcpus) == (alice, 128, 1)
    assert "web 1" in texts(client.get("/"), ".notice")[0]


def test_description_of_several_lines_is_kept_as_typed(web, alice, url):
    web(alice).post(url, {**GOOD, "description": "one\r\n<b>two</b> ü\r\n"})
    assert VM.objects.get(owner=alice).description == "one\n<b>two</b> ü\n"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "a/b", "/"),
        ("name", "   ", "space"),
        ("name", " x", "space"),
        ("name", "a\x07b", "control"),
        ("name", "x" * 101, "100"),
        ("vcpus", "0", "1"),
        ("vcpus", "100000", "CPUs"),
        ("vcpus", "two", "whole number"),
        ("vcpus", "", "required"),
        ("memory_mib", "1", "32 MiB"),
        ("memory_mib", "99999999", "memory"),
        ("memory_mib", "x", "whole number"),
        ("disk_gib", "0", "1 GiB"),
        ("disk_gib", "0.001", "1 GiB"),
        ("disk_gib", "9999999", "left"),
        ("disk_gib", "big", "number"),
        ("disk_gib", "-1", "0"),
        ("description", "a\x01", "control"),
    ],
)
def test_wrong_field_says_so_beside_it_and_keeps_what_was_typed(
    web, alice, url, field, value, words
):
    answer = web(alice).post(url, {**GOOD, field: value})
    assert answer.status_code == 422
    assert words in error_beside(answer, field)
    assert value_of(answer, field).strip("\x07\x01") == value.strip("\x07\x01") or "\x07" in value
    assert value_of(answer, "disk_gib" if field != "disk_gib" else "name") in {"1", "web 1"}
    assert not VM.objects.filter(owner=alice).exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("user", "Big Name", "lower-case"),
        ("user", "root", "belongs to the system"),
        ("password", "short", "8"),
        ("ssh_keys", "ssh-ed25519", "Line 1"),
        ("ssh_keys", "hello", "public SSH key"),
    ],
)
def test_wrong_login_says_so_beside_the_field(web, alice, cloud_url, field, value, words):
    answer = web(alice).post(cloud_url, {**GOOD, "user": "tiny", field: value})
    assert answer.status_code == 422
    assert words in error_beside(answer, field)
    assert value_of(answer, field) == value
    assert not VM.objects.filter(owner=alice).exists()


def test_several_wrong_fields_are_told_at_once(web, alice, url):
    answer = web(alice).post(url, {**GOOD, "name": "a/b", "memory_mib": "1"})
    assert error_beside(answer, "name")
    assert error_beside(answer, "memory_mib")


def test_name_used_twice_is_told_at_the_name(web, alice, url, row_of):
    row_of(alice, name="web 1")
    assert "already" in error_beside(web(alice).post(url, GOOD), "name")


def test_name_of_anothers_guest_is_free_and_tells_nothing(web, alice, mallory, url, row_of):
    row_of(alice, name="web 1")
    assert web(mallory).post(url, GOOD).status_code == 302


def test_away_host_is_told_above_the_form_and_nothing_is_lost(web, alice, url, test_host):
    Host.objects.filter(pk=test_host.pk).update(status="away")
    answer = web(alice).post(url, GOOD)
    assert answer.status_code == 422
    assert "is away" in texts(answer, "form .notice")[0]
    assert value_of(answer, "name") == "web 1"


def test_template_without_cloud_init_asks_for_no_login(web, alice, url):
    assert not tree(web(alice).get(url)).cssselect("[name=user], [name=password]")


def test_mallory_may_use_a_template_but_an_unknown_one_is_not_found(web, mallory, url):
    assert web(mallory).get(url).status_code == 200
    unknown = reverse("guest-new-from", args=["00000000-0000-4000-8000-000000000000"])
    assert web(mallory).get(unknown).status_code == 404
