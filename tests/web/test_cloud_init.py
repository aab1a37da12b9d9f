"""The page of what a guest is told, and the preview of the whole document."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.support.altering import alter_templates
from tests.web.conftest import error_beside, texts, value_of
from vms.models import CloudInit
from vms.policy import Person
from vms.services import machines


@pytest.fixture
def told(template, alice):
    """A guest of alice that is still being made, told a few things."""
    alter_templates(has_cloud_init=True, network_name="default")
    request = machines.CreateRequest(
        template_id=template.pk, name="web", user="me", password="correct horse", timezone="UTC"
    )
    return machines.create(actor=Person(alice), request=request)[0]


def url(guest) -> str:
    return reverse("guest-cloud-init", args=[guest.pk])


def test_the_page_shows_everything_but_the_password(web, alice, told):
    page = web(alice).get(url(told))
    assert (value_of(page, "user"), value_of(page, "timezone")) == ("me", "UTC")
    assert value_of(page, "password") in (None, "")
    assert b"$6$" not in page.content
    assert b"correct horse" not in page.content


def test_a_wrong_document_is_told_with_its_line_and_kept_in_the_form(web, alice, told):
    data = {"user": "me", "user_data": "a: 1\npassword: geheim"}
    answer = web(alice).post(url(told), data)
    assert answer.status_code in {409, 422}
    before = CloudInit.objects.get().values
    assert before["user_data"] == ""


def test_the_new_guest_form_tells_a_wrong_address_and_document_at_their_fields(
    web, alice, template
):
    alter_templates(has_cloud_init=True, network_name="default")
    data = {
        "name": "web",
        "vcpus": "1",
        "memory_mib": "64",
        "disk_gib": "1",
        "nic_0_addresses": "192.0.2.7",
        "user_data": "a: [",
    }
    answer = web(alice).post(reverse("guest-new-from", args=[template.pk]), data)
    assert answer.status_code == 422
    assert "192.0.2.7/24" in error_beside(answer, "nic_0_addresses")
    assert "Line 1" in error_beside(answer, "user_data")
    assert value_of(answer, "nic_0_addresses") == "192.0.2.7"
    assert texts(answer, "details.more[open]")


def test_the_preview_shows_the_document_or_what_is_wrong(web, alice):
    client, at = web(alice), reverse("cloud-init-preview")
    good = client.post(at, {"name": "Web", "user": "me", "password": "correct horse"})
    assert "hostname: web" in texts(good, "pre")[0]
    assert b"correct horse" not in good.content
    wrong = client.post(at, {"user_data": "- a"})
    assert "Line 1" in texts(wrong, ".notice")[0]
    assert client.get(at).status_code == 405


def test_mallory_sees_nothing_of_it(web, mallory, told):
    client = web(mallory)
    for answer in (
        client.get(url(told)),
        client.post(url(told), {"user": "mallory"}),
        client.post(reverse("guest-cloud-init-remove", args=[told.pk])),
        client.get(reverse("template-from-guest", args=[told.pk])),
    ):
        assert answer.status_code == 404
