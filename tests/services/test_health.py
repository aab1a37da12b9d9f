"""The checks of doctor and the Host page: what is wrong is said, with what to do about it."""

from __future__ import annotations

import shutil
import socket
from collections import namedtuple
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from vms.hypervisor import capabilities
from vms.models import ApiToken, AuditEntry
from vms.policy import Person, SystemActor
from vms.problems import Forbidden
from vms.services import health, tokens
from vms.services.health import Check, Findings, Room

FACTS = {
    "libvirt_version": "9.0.0",
    "hypervisor_version": "7.2.9",
    "accelerator": "kvm",
    "accelerator_reason": "kvm-works",
}
POOLS = {"kvmweb": Room(is_active=True, available_bytes=1 << 40)}
REMOTE = "qemu+ssh://elsewhere/system"


def by_code(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.code: check for check in checks}


def found(**changes: object) -> dict[str, Check]:
    """Judge a remote host on which all is well but for the changes."""
    wanted = {"facts": FACTS, "pools": POOLS, "networks": {"default": True}, **changes}
    return by_code(health.judge(Findings(REMOTE, **wanted)))


def test_a_kvm_device_that_qemu_cannot_open_is_told(tmp_path, monkeypatch):
    device = tmp_path / "kvm"
    device.touch()
    device.chmod(0o600)
    monkeypatch.setattr(capabilities, "KVM_DEVICE", device)
    check = by_code(health.judge(Findings("qemu:///system", facts=FACTS)))["kvm-device"]
    assert not check.is_ok and f"chmod 660 {device}" in check.advice
    device.chmod(0o666)
    assert "kvm-device" not in by_code(health.judge(Findings("qemu:///system", facts=FACTS)))


def test_a_host_on_which_all_is_well_passes_every_check_without_advice():
    checks = found()
    assert set(checks) == {"libvirt", "qemu", "accelerator", "pool", "network"}
    assert all(check.is_ok and not check.advice for check in checks.values())


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("qemu", {"facts": {**FACTS, "hypervisor_version": "4.2.1"}}),
        ("qemu", {"facts": {**FACTS, "hypervisor_version": ""}}),
        ("accelerator", {"facts": {**FACTS, "accelerator": "qemu"}}),
        ("pool", {"pools": {}}),
        ("pool", {"pools": {"kvmweb": Room(is_active=False, available_bytes=0)}}),
        ("pool", {"pools": {"kvmweb": Room(is_active=True, available_bytes=1000)}}),
        ("network", {"networks": {}}),
        ("network", {"networks": {"default": False}}),
    ],
)
def test_each_fault_fails_its_own_check_alone_and_says_what_to_do(code, changes):
    checks = found(**changes)
    assert [check.code for check in checks.values() if not check.is_ok] == [code]
    assert checks[code].detail
    assert checks[code].advice


def test_emulation_is_no_essential_fault():
    assert not found(facts={**FACTS, "accelerator": "qemu"})["accelerator"].is_essential


def test_a_host_that_does_not_answer_has_only_what_can_be_said():
    checks = health.judge(Findings(REMOTE, error_code="host-away", error_detail="refused"))
    assert [(check.code, check.is_ok) for check in checks] == [("libvirt", False)]
    assert "refused" in checks[0].detail
    assert REMOTE in checks[0].advice


@pytest.mark.parametrize(("code", "detail"), [("host-timeout", ""), ("host-away", "")])
def test_the_reason_of_a_host_that_is_away_is_a_whole_sentence(code, detail):
    reason = health.away_reason(code, detail)
    assert reason.endswith(".")
    assert "%" not in reason


def test_virtlogd_is_tried_on_its_socket(tmp_path: Path, monkeypatch):
    path = tmp_path / "virtlogd-sock"
    monkeypatch.setattr(health, "VIRTLOGD_SOCKET", path)
    local = Findings("qemu:///system", facts=FACTS, pools=POOLS, networks={"default": True})
    missing = by_code(health.judge(local))["virtlogd"]
    assert (missing.is_ok, bool(missing.advice)) == (False, True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        assert by_code(health.judge(local))["virtlogd"].is_ok


def test_the_test_driver_is_asked_for_what_it_is(test_host):
    checks = by_code(health.probe(actor=SystemActor(), host=test_host))
    assert set(checks) == {"libvirt", "accelerator"}
    assert checks["libvirt"].is_ok


def test_a_host_is_judged_from_its_rows_without_being_asked(test_host, monkeypatch):
    from vms.hypervisor.connection import HostConnection

    def never(*_arguments: object, **_named: object) -> None:
        raise AssertionError("the host was asked")

    with monkeypatch.context() as patch:
        patch.setattr(HostConnection, "call", never)
        checks = by_code(health.last_seen(actor=SystemActor(), host=test_host))
        assert checks["libvirt"].is_ok
        test_host.status, test_host.status_code = "away", "host-timeout"
        assert not health.last_seen(actor=SystemActor(), host=test_host)[0].is_ok


def test_a_user_may_not_look(alice, test_host):
    for look in (health.site, health.everything):
        with pytest.raises(Forbidden):
            look(actor=Person(alice))
    for look in (health.probe, health.last_seen):
        with pytest.raises(Forbidden):
            look(actor=Person(alice), host=test_host)


def site() -> dict[str, Check]:
    return by_code(health.site(actor=SystemActor()))


def test_the_database_answers_and_has_its_migrations(db):
    checks = site()
    assert checks["database"].is_ok
    assert checks["migrations"].is_ok


def test_missing_migrations_are_counted(db, monkeypatch):
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: [("a", False)] * 2)
    check = site()["migrations"]
    assert not check.is_ok
    assert "2" in check.detail
    assert "migrate" in check.advice


def test_a_database_that_fails_is_the_answer_and_no_crash(db):
    def fail(*_arguments: object) -> None:
        from django.db import OperationalError

        raise OperationalError("unable to open database file")

    with connection.execute_wrapper(fail):
        checks = site()
    assert not checks["database"].is_ok
    assert "migrations" not in checks
    assert checks["clock"].is_ok


def test_static_files_that_are_not_built_are_told(db, settings, tmp_path: Path):
    settings.STATICFILES_DIRS = [tmp_path]
    assert not site()["static"].is_ok
    for name in ("kvmweb.css", "kvmweb.js"):
        (tmp_path / name).touch()
    assert site()["static"].is_ok


def test_a_full_disk_is_told(db, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(100, 99, 1))
    check = site()["home-space"]
    assert (check.is_ok, bool(check.advice)) == (False, True)


def test_a_clock_that_went_back_is_told(db):
    entry = AuditEntry.objects.create(actor_name="x", action="y", phase="requested")
    AuditEntry.objects.filter(pk=entry.pk).update(at=timezone.now() + timedelta(days=1))
    assert not site()["clock"].is_ok


def test_doctor_prints_every_check_and_fails_when_something_essential_is_wrong(
    test_host, settings, tmp_path: Path
):
    settings.STATICFILES_DIRS = [tmp_path]
    output = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=output, no_color=True)
    assert ended.value.code == 1
    assert "FAIL  Static files" in output.getvalue()
    assert "note  Accelerator: test" in output.getvalue()
    assert "ok    libvirt at test:///default" in output.getvalue()


def test_doctor_is_content_when_only_notes_are_left(test_host, settings, tmp_path: Path):
    for name in ("kvmweb.css", "kvmweb.js"):
        (tmp_path / name).touch()
    settings.STATICFILES_DIRS = [tmp_path]
    call_command("doctor", stdout=StringIO())


def test_create_token_prints_a_token_that_works(alice):
    output = StringIO()
    call_command("create_token", "alice", name="backup", stdout=output, stderr=StringIO())
    secret = output.getvalue().strip()
    found_token = tokens.authenticate(secret)
    assert found_token is not None
    assert (found_token.user, found_token.name) == (alice, "backup")
    assert not ApiToken.objects.filter(secret_hash=secret).exists()


def test_create_token_refuses_an_unknown_and_an_inactive_user(alice):
    alice.is_active = False
    alice.save()
    for name in ("nobody", "alice"):
        with pytest.raises(CommandError):
            call_command("create_token", name)
    assert not ApiToken.objects.exists()
