"""Pages of recordings, and what the console says about being recorded."""

from __future__ import annotations

import json
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.web.conftest import error_beside, texts, tree
from vms.models import VM, AuditEntry, Recording, Seat, Share
from vms.services import recording_files


@pytest.fixture(autouse=True)
def home(settings, tmp_path):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path})


@pytest.fixture
def guest(row_of, alice) -> VM:
    return row_of(alice, name='a <b> "c"', state="running", has_vnc=True)


@pytest.fixture
def row(guest) -> Recording:
    values = {"state": "ended", "reason": "closed", "duration_ms": 61_500, "size_bytes": 2048}
    return Recording.objects.create(vm=guest, vm_name=guest.name, kind="vnc", **values)


def url(name: str, thing) -> str:
    return reverse(name, args=[thing.pk])


def test_the_guests_page_lists_its_recordings_and_asks_whether_to_record(web, guest, row, alice):
    answer = web(alice).get(url("guest-recordings", guest))
    (line,) = texts(answer, "#guest-recordings tbody tr")
    assert "1:02" in line
    assert "2 KiB" in line
    assert "all who looked had left" in line
    assert tree(answer).cssselect("#recording-form select[name=recording]")


def test_the_policy_is_saved_and_a_wrong_one_stands_beside_its_field(web, guest, alice):
    page = url("guest-recordings", guest)
    assert web(alice).post(page, {"recording": "always"}).status_code == 302
    assert VM.objects.get(pk=guest.pk).recording == "always"
    answer = web(alice).post(page, {"recording": "sometimes"})
    assert answer.status_code == 422
    assert error_beside(answer, "recording")


def test_empty_lists_say_what_to_do(web, guest, alice, admin):
    assert "choose Record" in texts(web(alice).get(url("guest-recordings", guest)), "main")[0]
    assert "choose Record" in texts(web(admin).get(reverse("recordings")), "main")[0]


def test_the_console_shows_a_red_dot_to_everybody_while_it_is_recorded(web, guest, alice):
    page = url("guest-console", guest)
    assert texts(web(alice).get(page), "#console-recording .tag-rec") == []
    assert texts(web(alice).get(page), "#record-menu [data-record]") == ["Record: Screen"]
    row = Recording.objects.create(vm=guest, vm_name="g", kind="vnc", state="running")
    answer = web(alice).get(page)
    assert texts(answer, "#console-recording .tag-rec") == ["Recorded"]
    (item,) = tree(answer).cssselect("#record-menu [data-record]")
    assert item.get("data-record") == url("recording-stop", row)
    VM.objects.update(recording="always")
    assert texts(web(alice).get(page), "#record-menu [data-record]") == []


def test_recording_begins_and_stops_by_post(web, guest, alice):
    Seat.objects.create(
        vm=guest, kind="vnc", user=alice, name="alice", seen_at=timezone.now(), server="here"
    )
    start = url("guest-record", guest)
    assert web(alice).get(start).status_code == 405
    headers = {"X-Kvmweb": "1"}
    assert web(alice).post(start, {"kind": "vnc"}, headers=headers).status_code == 204
    row = Recording.objects.get()
    again = web(alice).post(start, {"kind": "vnc"}, headers=headers)
    assert (again.status_code, again.content) == (409, b"It is being recorded already.")
    assert web(alice).post(url("recording-stop", row), headers=headers).status_code == 204
    assert Recording.objects.get().is_stop_wanted


def test_playing_says_what_is_in_the_file_and_where_its_bytes_are(web, row, alice):
    page = tree(web(alice).get(url("recording", row)))
    (place,) = page.cssselect("#player")
    assert not AuditEntry.objects.exists()
    assert web(alice).get(place.get("data-play-url")).status_code == 405
    index = json.loads(web(alice).post(place.get("data-play-url")).content)
    assert index["keys"] == []
    assert index["kind"] == "vnc"
    assert index["file_url"].startswith(f"/recordings/{row.pk}/file?ticket=")
    assert AuditEntry.objects.get().action == "recording.view"


def test_downloading_is_written_down_and_leads_to_the_file(web, row, alice):
    page = tree(web(alice).get(url("recording", row)))
    (form,) = page.cssselect(".console-bar form[method=post]")
    answer = web(alice).post(form.get("action"))
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"/recordings/{row.pk}/file?ticket=")
    assert AuditEntry.objects.get().action == "recording.download"


def test_deleting_asks_by_name_and_takes_the_file(web, row, alice):
    path = recording_files.path_of(row.pk, "vnc")
    path.write_bytes(b"x")
    page = tree(web(alice).get(reverse("recordings")))
    (form,) = page.cssselect("form[data-confirm]")
    assert row.vm_name in form.get("data-confirm")
    assert web(alice).post(form.get("action")).status_code == 302
    assert not path.exists()
    assert not Recording.objects.exists()


def test_a_recording_outlives_its_guest_for_the_administrator(web, guest, row, admin, alice):
    guest.delete()
    assert "deleted" in texts(web(admin).get(reverse("recordings")), "tbody tr")[0]
    assert web(admin).get(url("recording", row)).status_code == 200
    assert web(alice).get(url("recording", row)).status_code == 404


def test_a_viewer_is_told_that_he_is_recorded_and_sees_no_recording(web, guest, row, carol):
    Share.objects.create(vm=guest, user=carol, role="viewer")
    Recording.objects.create(vm=guest, vm_name="g", kind="vnc", state="running")
    console = web(carol).get(url("guest-console", guest))
    assert texts(console, "#console-recording .tag-rec") == ["Recorded"]
    assert not tree(console).cssselect("#record, #record-menu")
    assert web(carol).get(url("guest-recordings", guest)).status_code == 403
    assert web(carol).get(url("recording", row)).status_code == 404
    assert "Recordings" not in texts(web(carol).get(url("guest", guest)), ".subtabs a")


def test_an_auditor_replays_and_changes_nothing(web, guest, row, django_user_model):
    auditor = django_user_model.objects.create_user("auditor", role="auditor")
    assert web(auditor).get(url("recording", row)).status_code == 200
    assert web(auditor).post(url("recording-play", row)).status_code == 200
    page = web(auditor).get(url("guest-recordings", guest))
    assert not tree(page).cssselect("#recording-form, form[data-confirm]")
    assert web(auditor).post(url("recording-delete", row)).status_code == 403
    assert Recording.objects.exists()


def test_mallory_finds_nothing(web, guest, row, mallory):
    for name, thing in (
        ("guest-recordings", guest),
        ("recording", row),
    ):
        assert web(mallory).get(url(name, thing)).status_code == 404
        assert web(mallory).get(reverse(name, args=[uuid.uuid4()])).status_code == 404
    for name, thing in (
        ("guest-record", guest),
        ("recording-play", row),
        ("recording-download", row),
        ("recording-stop", row),
        ("recording-delete", row),
    ):
        assert web(mallory).post(url(name, thing)).status_code == 404
    assert texts(web(mallory).get(reverse("recordings")), "tbody tr") == []


def test_the_list_takes_the_same_queries_however_long_it_is(
    web, guest, alice, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = web(alice)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("recordings"))
        return len(queries)

    def more(number: int) -> None:
        for _ in range(number):
            Recording.objects.create(vm=guest, vm_name="g", kind="vnc", state="ended")

    more(2)
    count()
    few = count()
    more(30)
    assert count() == few
