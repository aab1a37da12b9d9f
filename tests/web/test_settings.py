"""Settings: each form with its errors, what is locked while the guest runs, and the owner."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import VM, Volume


@pytest.fixture
def running(make_guest, alice):
    return make_guest(alice, name="one")


@pytest.fixture
def guest(make_guest, alice):
    return make_guest(alice, name="one", is_started=False)


def url(name: str, guest: VM) -> str:
    return reverse(name, args=[guest.pk])


def config(**changes: str) -> dict[str, str]:
    return {"name": "one", "vcpus": "1", "memory_mib": "128", **changes}


def test_description_is_byte_identical_after_a_reload(web, running, alice):
    text = 'ü “quotes" <b>\nsecond line\n'
    client = web(alice)
    client.post(url("guest-description", running), {"description": text.replace("\n", "\r\n")})
    running.refresh_from_db()
    assert running.description == text
    assert value_of(client.get(url("guest-settings", running)), "description") == text


def test_wrong_description_is_told_at_the_field(web, running, alice):
    answer = web(alice).post(url("guest-description", running), {"description": "a\x02b"})
    assert answer.status_code == 422
    assert "control" in error_beside(answer, "description")


def test_machine_is_locked_with_its_reason_while_running(web, running, alice):
    page = web(alice).get(url("guest-settings", running))
    assert "while the guest is off" in texts(page, "#config-form .notice")[0]
    assert tree(page).cssselect("#config-form fieldset[disabled]")


def test_machine_of_a_running_guest_is_refused_by_the_server_too(web, running, alice):
    answer = web(alice).post(url("guest-config", running), config(memory_mib="256"))
    assert answer.status_code == 422
    assert "while the guest is off" in answer.content.decode()
    running.refresh_from_db()
    assert running.memory_mib == 128


def test_machine_can_be_changed_while_off(web, guest, alice):
    changes = config(name="two", vcpus="2", memory_mib="256")
    answer = web(alice).post(url("guest-config", guest), changes)
    assert answer["Location"] == url("guest-settings", guest)
    guest.refresh_from_db()
    assert (guest.name, guest.vcpus, guest.memory_mib) == ("two", 2, 256)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "a/b", "/"),
        ("name", "", "required"),
        ("vcpus", "0", "1"),
        ("vcpus", "x", "whole number"),
        ("memory_mib", "1", "32 MiB"),
        ("memory_mib", "", "required"),
    ],
)
def test_wrong_field_says_so_and_keeps_what_was_typed(web, guest, alice, field, value, words):
    answer = web(alice).post(url("guest-config", guest), config(**{field: value}))
    assert answer.status_code == 422
    assert words in error_beside(answer, field)
    assert value_of(answer, field) == value


def test_used_name_is_told_at_the_name(web, guest, alice, row_of):
    row_of(alice, name="two")
    answer = web(alice).post(url("guest-config", guest), config(name="two"))
    assert "already" in error_beside(answer, "name")


def test_boot_device_that_is_none_is_told(web, guest, alice):
    answer = web(alice).post(url("guest-config", guest), config(boot_0="nvme99"))
    assert answer.status_code == 422
    assert error_beside(answer, "boot_0")


def test_medium_must_be_one_of_the_isos(web, guest, alice, image):
    answer = web(alice).post(url("guest-media", guest), {"image": str(image.pk)})
    assert answer.status_code == 422
    assert error_beside(answer, "image")


def test_iso_is_inserted_and_ejected(web, guest, alice, image):
    iso = Volume.objects.create(pool=image.pool, name="a.iso", path="/pool/a.iso", format="iso")
    client = web(alice)
    answer = client.post(url("guest-media", guest), {"image": str(iso.pk)})
    assert answer.status_code == 302, texts(answer, ".errors")
    assert "a.iso" in texts(client.get(url("guest-settings", guest)), "#media-form p")[0]
    client.post(url("guest-media", guest), {"eject": "1"})
    assert "empty" in texts(client.get(url("guest-settings", guest)), "#media-form p")[0]


def test_administrator_gives_a_guest_to_somebody(web, guest, admin, bob):
    web(admin).post(url("guest-owner", guest), {"owner": str(bob.pk)})
    guest.refresh_from_db()
    assert guest.owner == bob


def test_unknown_owner_is_told_at_the_field(web, guest, admin):
    answer = web(admin).post(url("guest-owner", guest), {"owner": "nobody-known"})
    assert answer.status_code == 422
    assert error_beside(answer, "owner")


def test_owner_who_has_a_guest_of_that_name_is_told_at_the_field(web, guest, admin, bob, row_of):
    row_of(bob, name="one")
    answer = web(admin).post(url("guest-owner", guest), {"owner": str(bob.pk)})
    assert answer.status_code == 422
    assert error_beside(answer, "owner")


def test_user_can_neither_see_nor_send_the_owner_form(web, guest, alice, bob):
    client = web(alice)
    assert not tree(client.get(url("guest-settings", guest))).cssselect("#owner-form")
    assert client.post(url("guest-owner", guest), {"owner": str(bob.pk)}).status_code == 403
    guest.refresh_from_db()
    assert guest.owner == alice


@pytest.mark.parametrize(
    "name", ["guest-description", "guest-config", "guest-media", "guest-owner"]
)
def test_mallory_sends_nothing(web, guest, mallory, name):
    client = web(mallory)
    data = config(description="mine", owner=str(mallory.pk), eject="1", name="mine")
    assert client.post(url(name, guest), data).status_code == 404
    guest.refresh_from_db()
    assert (guest.name, guest.description, guest.owner.username) == ("one", "", "alice")
