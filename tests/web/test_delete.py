"""Delete: the dialog names the guest and every disk, and exactly what is ticked goes."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.web.conftest import SCRIPT, texts, tree
from vms.models import VM, Template, Volume
from vms.services import survey


@pytest.fixture
def guest(make_guest, alice, test_host):
    made = make_guest(alice, name="old <b>one")
    survey.storage_of(test_host)
    return made


def url(guest: VM) -> str:
    return reverse("guest-delete", args=[guest.pk])


def test_dialog_names_the_guest_and_ticks_its_own_disk(web, guest, alice):
    page = web(alice).get(url(guest))
    assert "old <b>one" in texts(page, "#sheet-title")[0]
    (box,) = tree(page).cssselect("[name=disks]")
    assert box.get("checked") is not None
    assert str(guest.domain_uuid) in texts(page, ".disk-list li")[0]


def test_script_gets_the_dialog_without_the_frame(web, guest, alice):
    answer = web(alice).get(url(guest), headers=SCRIPT)
    assert b"<html" not in answer.content
    assert tree(answer).cssselect("form[data-delete]")


def test_disk_that_must_stay_is_disabled_with_its_reason(web, guest, alice, test_host):
    own = Volume.objects.get(name__startswith=str(guest.domain_uuid))
    Template.objects.create(
        name="From it", host=test_host, pool_name=own.pool.name, volume_name=own.name
    )
    page = web(alice).get(url(guest))
    (box,) = tree(page).cssselect("[name=disks]")
    assert box.get("disabled") is not None
    assert box.get("checked") is None
    assert "From it" in texts(page, ".disk-list li")[0]


def test_guest_and_ticked_disk_go(web, guest, alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = web(alice).post(url(guest), {"disks": "vda"})
    assert answer["Location"] == "/"
    assert not VM.objects.filter(pk=guest.pk).exists()


def test_unknown_disk_is_told_and_nothing_goes(web, guest, alice):
    answer = web(alice).post(url(guest), {"disks": "vdz"})
    assert answer.status_code == 422
    assert "vdz" in texts(answer, ".notice.is-error")[0]
    assert VM.objects.filter(pk=guest.pk).exists()


def test_script_closes_the_dialog_and_leaves_the_page_of_the_guest(
    web, guest, alice, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = web(alice).post(url(guest), {"from": "guest"}, headers=SCRIPT)
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == "/"


def test_mallory_deletes_nothing(web, guest, mallory):
    assert web(mallory).get(url(guest)).status_code == 404
    assert web(mallory).post(url(guest), {"disks": "vda"}).status_code == 404
    assert VM.objects.filter(pk=guest.pk).exists()
