"""Recordings: who may have, replay and delete them, and files that survive whatever happens."""

from __future__ import annotations

import datetime
import os
import time
import uuid

import pytest
from django.core import signing
from django.utils import timezone

from vms import asciicast, selectors
from vms.models import VM, AuditEntry, Host, Recording, Seat
from vms.policy import Person, SystemActor
from vms.problems import Invalid, NotFound, Refused
from vms.rfb import recording as container
from vms.services import filming, recording_files, recordings, screenings
from vms.services.filming import DeviceKey, Plan, Unrecordable
from vms.services.recording_files import NoRoom, Tape


@pytest.fixture(autouse=True)
def home(settings, tmp_path):
    """A home of the test's own, with room."""
    free = {"home": tmp_path, "recording_free_mib": 0}
    settings.KVMWEB = settings.KVMWEB.model_copy(update=free)
    return tmp_path


@pytest.fixture
def guest(alice) -> VM:
    host = Host.objects.create(name="h", uri="test:///default")
    return VM.objects.create(
        host=host, domain_uuid=uuid.uuid4(), name="g", owner=alice, state="running"
    )


@pytest.fixture
def seat(guest, alice):
    """Alice sits at the guest's screen."""
    return Seat.objects.create(
        vm=guest, kind="vnc", user=alice, name="alice", seen_at=timezone.now(), server="here"
    )


def key(guest: VM) -> DeviceKey:
    return DeviceKey(str(guest.pk), "vnc", 0)


def ended(guest: VM, **fields) -> Recording:
    values = {"vm": guest, "vm_name": guest.name, "kind": "vnc", "state": "ended", **fields}
    return Recording.objects.create(**values)


def test_owner_and_administrator_say_whether_a_guest_is_recorded(guest, alice, admin) -> None:
    assert guest.recording == "request"
    recordings.set_policy(actor=Person(alice), vm_id=guest.pk, policy="always")
    recordings.set_policy(actor=Person(admin), vm_id=guest.pk, policy="off")
    guest.refresh_from_db()
    assert (guest.recording, guest.revision) == ("off", 3)
    assert AuditEntry.objects.filter(action="vm.set-recording", phase="succeeded").count() == 2
    with pytest.raises(Invalid):
        recordings.set_policy(actor=Person(alice), vm_id=guest.pk, policy="sometimes")


def test_mallory_and_bob_neither_have_nor_see_recordings(guest, bob, mallory, seat) -> None:
    row = ended(guest)
    for actor in (Person(bob), Person(mallory)):
        assert not selectors.recordings(actor).exists()
        for act in (
            lambda actor=actor: recordings.set_policy(actor=actor, vm_id=guest.pk, policy="off"),
            lambda actor=actor: recordings.start(actor=actor, vm_id=guest.pk),
            lambda actor=actor: recordings.stop(actor=actor, recording_id=row.pk),
            lambda actor=actor: recordings.delete(actor=actor, recording_id=row.pk),
            lambda actor=actor: screenings.play(actor=actor, recording_id=row.pk),
        ):
            with pytest.raises(NotFound):
                act()
    assert Recording.objects.count() == 1


def test_a_recording_of_a_guest_that_is_gone_is_the_administrators(guest, alice, admin) -> None:
    row = ended(guest)
    guest.delete()
    assert not selectors.recordings(Person(alice)).exists()
    assert selectors.recording(Person(admin), row.pk).vm_name == "g"


def test_nothing_is_recorded_where_nobody_looks_or_never(guest, alice, seat) -> None:
    with pytest.raises(Refused, match="recording-nobody"):
        recordings.start(actor=Person(alice), vm_id=guest.pk, kind="serial")
    VM.objects.update(recording="off")
    with pytest.raises(Refused, match="recording-off"):
        recordings.start(actor=Person(alice), vm_id=guest.pk)


def test_one_recording_at_a_time_from_asking_to_its_end(guest, alice, seat) -> None:
    actor = Person(alice)
    assert filming.begin(key(guest)) is None
    row = recordings.start(actor=actor, vm_id=guest.pk)
    with pytest.raises(Refused, match="recording-already"):
        recordings.start(actor=actor, vm_id=guest.pk)
    plan = filming.begin(key(guest))
    assert isinstance(plan, Plan)
    assert plan.recording_id == str(row.pk)
    assert not plan.is_required
    assert filming.begin(key(guest)) is None  # claimed
    with pytest.raises(Refused, match="recording-running"):
        recordings.delete(actor=actor, recording_id=row.pk)
    how_far = {"recording_id": str(row.pk), "size_bytes": 5, "duration_ms": 7}
    assert filming.go_on(**how_far) == ""
    recordings.stop(actor=actor, recording_id=row.pk)
    assert filming.go_on(**how_far) == "stopped"
    filming.finish(reason="stopped", **how_far)
    row.refresh_from_db()
    assert (row.state, row.size_bytes, row.duration_ms) == ("ended", 5, 7)
    with pytest.raises(Refused, match="recording-ended"):
        recordings.stop(actor=actor, recording_id=row.pk)
    actions = AuditEntry.objects.filter(target_id=str(guest.pk)).values_list("action", flat=True)
    assert list(actions) == ["recording.end", "recording.stop", "recording.start"]


def test_a_guest_that_is_always_recorded_needs_nobody_to_ask_and_cannot_be_stopped(
    guest, alice
) -> None:
    VM.objects.update(recording="always")
    plan = filming.begin(key(guest))
    assert plan.is_required
    row = Recording.objects.get()
    assert row.by_name == ""
    with pytest.raises(Refused, match="recording-always"):
        recordings.stop(actor=Person(alice), recording_id=row.pk)
    VM.objects.update(recording="off")
    assert filming.go_on(recording_id=str(row.pk), size_bytes=0, duration_ms=0) == "policy"


@pytest.mark.parametrize("limit", ["recordings_max_mib", "recording_free_mib"])
def test_without_room_nothing_begins_and_what_runs_ends(guest, settings, limit) -> None:
    VM.objects.update(recording="always")
    ended(guest, size_bytes=2 << 20)
    plan = filming.begin(key(guest))
    full = {"recordings_max_mib": 1, "recording_free_mib": 1 << 40}[limit]
    settings.KVMWEB = settings.KVMWEB.model_copy(update={limit: full})
    how_far = {"recording_id": plan.recording_id, "size_bytes": 0, "duration_ms": 0}
    assert filming.go_on(**how_far) == "no-room"
    filming.finish(reason="no-room", **how_far)
    assert filming.begin(key(guest)) == Unrecordable(is_required=True)
    assert not Recording.objects.exclude(state="ended").exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "a/b", "%2e%2e", "", "\0"])
def test_a_name_that_is_no_uuid_leads_to_no_file(name) -> None:
    with pytest.raises(ValueError, match="UUID"):
        recording_files.path_of(name, "vnc")
    with pytest.raises(NotFound):
        selectors.recording(SystemActor(), name)


def test_a_file_is_nobody_elses_and_never_somebody_elses(home) -> None:
    path = recording_files.path_of(uuid.uuid4(), "vnc")
    Tape(path).close()
    assert path.parent == home / "recordings"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(FileExistsError):
        Tape(path)
    link = recording_files.path_of(uuid.uuid4(), "vnc")
    link.symlink_to(home / "elsewhere")
    with pytest.raises(OSError):
        Tape(link)
    assert not (home / "elsewhere").exists()


def test_a_disk_that_is_full_leaves_whole_pieces(home, monkeypatch) -> None:
    path = recording_files.path_of(uuid.uuid4(), "serial")
    tape = Tape(path)
    tape.append(b"first\n")
    write = os.write

    def full(file: int, data) -> int:
        if len(data) > 4:
            return write(file, data[:4])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording_files.os, "write", full)
    with pytest.raises(NoRoom):
        tape.append(b"second\n")
    tape.close()
    tape.append(b"too late")
    assert path.read_bytes() == b"first\n"


def screen_file(path) -> int:
    head = container.pack_file_head(container.FileHead(4, 2, 1))
    pictures = [
        container.pack_picture(container.KEY, 100, b"k" * 50),
        container.pack_picture(container.CHANGE, 300, b"c" * 50),
        container.pack_picture(container.KEY, 900, b"k" * 50),
    ]
    path.write_bytes(head + b"".join(pictures))
    return len(head)


def test_a_recording_cut_anywhere_is_whole_up_to_there() -> None:
    path = recording_files.path_of(uuid.uuid4(), "vnc")
    begin = screen_file(path)
    data = path.read_bytes()
    whole = recording_files.contents(path, "vnc")
    assert (whole.duration_ms, whole.size_bytes) == (900, len(data))
    assert [at for at, _place in whole.keys] == [100, 900]
    assert whole.keys[0][1] == begin
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        found = recording_files.repair(path, "vnc")
        assert found.size_bytes <= cut
        assert path.stat().st_size == found.size_bytes
        assert found.duration_ms in {0, 100, 300}


def test_a_terminal_cut_anywhere_keeps_its_whole_lines() -> None:
    path = recording_files.path_of(uuid.uuid4(), "serial")
    script = asciicast.Script()
    data = asciicast.head(1, "g") + script.line(10, "grü".encode()[:-1])
    assert script.line(15, b"") == b""
    data += script.line(20, "grü".encode()[-1:]) + script.line(30, b"\xff\r\n")
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        found = recording_files.repair(path, "serial")
        assert path.read_bytes() == data[: found.size_bytes]
    assert found.duration_ms == 30
    assert "ü".encode() in data


def test_after_a_kill_open_recordings_end_and_stray_files_go(guest, home) -> None:
    row = Recording.objects.create(vm=guest, vm_name="g", kind="vnc", state="running")
    path = recording_files.path_of(row.pk, "vnc")
    screen_file(path)
    os.truncate(path, path.stat().st_size - 3)
    stray = recording_files.path_of(uuid.uuid4(), "vnc")
    stray.write_bytes(b"x")
    kept = home / "recordings" / "notes.txt"
    kept.write_text("not ours")
    filming.recover()
    row.refresh_from_db()
    assert (row.state, row.reason, row.duration_ms) == ("ended", "interrupted", 300)
    assert row.size_bytes == path.stat().st_size
    assert not stray.exists()
    assert kept.exists()


def test_what_is_older_than_its_days_goes_with_its_file(guest, settings) -> None:
    now = timezone.now()
    old = ended(guest, ended_at=now - datetime.timedelta(days=31))
    young = ended(guest, ended_at=now - datetime.timedelta(days=29))
    paths = {row.pk: recording_files.path_of(row.pk, "vnc") for row in (old, young)}
    for path in paths.values():
        screen_file(path)
    assert filming.delete_old() == 1
    assert not paths[old.pk].exists()
    assert paths[young.pk].exists()
    assert list(Recording.objects.all()) == [young]
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"recording_days": 0})
    Recording.objects.update(ended_at=now - datetime.timedelta(days=9999))
    assert filming.delete_old() == 0


def test_deleting_takes_the_file_and_is_audited(guest, alice) -> None:
    row = ended(guest)
    path = recording_files.path_of(row.pk, "vnc")
    screen_file(path)
    recordings.delete(actor=Person(alice), recording_id=row.pk)
    assert not path.exists()
    assert not Recording.objects.exists()
    assert AuditEntry.objects.filter(action="recording.delete", phase="succeeded").exists()


def test_replaying_is_audited_once_in_an_hour(guest, alice) -> None:
    row = ended(guest)
    for _ in range(3):
        screenings.play(actor=Person(alice), recording_id=row.pk)
    screenings.take(actor=Person(alice), recording_id=row.pk)
    lines = AuditEntry.objects.values_list("action", flat=True)
    assert list(lines) == ["recording.download", "recording.view"]


def test_a_ticket_is_for_one_person_one_recording_and_half_a_day(
    guest, alice, admin, monkeypatch
) -> None:
    row, other = ended(guest), ended(guest)
    ticket = screenings.play(actor=Person(alice), recording_id=row.pk).ticket
    assert screenings.admits(actor=Person(alice), recording=row, ticket=ticket)
    assert not screenings.admits(actor=Person(admin), recording=row, ticket=ticket)
    assert not screenings.admits(actor=Person(alice), recording=other, ticket=ticket)
    for wrong in ("", "x", ticket + "x", ticket[1:], signing.dumps({"recording": str(row.pk)})):
        assert not screenings.admits(actor=Person(alice), recording=row, ticket=wrong)
    later = time.time() + screenings.MAX_TICKET_S + 1
    monkeypatch.setattr(signing.time, "time", lambda: later)
    assert not screenings.admits(actor=Person(alice), recording=row, ticket=ticket)
