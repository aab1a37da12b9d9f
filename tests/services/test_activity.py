"""The audit trail for readers: one line for each wish, filters, pages, CSV, old age."""

from __future__ import annotations

import ast
import csv
import io
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from vms import messages
from vms.hypervisor.errors import NoSpace
from vms.models import AuditEntry, AuditPhase
from vms.policy import Action, Door, Person, SystemActor
from vms.problems import Forbidden, Refused
from vms.selectors import AuditFilter
from vms.services import activity, audit

EVERYTHING = AuditFilter()
SERVICES = Path(activity.__file__).parent


def trail(actor, action="vm.start", name="web", command="") -> audit.Trail:
    return audit.Trail(actor, action, audit.Target("vm", str(uuid.uuid4()), name), command)


@pytest.fixture
def hers(alice):
    return Person(alice, Door.API, "192.0.2.7")


@pytest.fixture
def boss(admin):
    return Person(admin)


def lines(actor, **wanted):
    return activity.page(actor=actor, wanted=AuditFilter(**wanted)).lines


def test_request_and_outcome_are_one_line(boss, hers):
    with audit.audited(trail(hers, command="virsh start x")):
        pass
    (line,) = lines(boss)
    assert (line.phase, line.person, line.command) == ("succeeded", "alice", "virsh start x")
    assert (line.door, line.address, line.label) == ("api", "192.0.2.7", "Start")


def test_outcome_of_a_job_shows_command_and_door_of_its_request(boss, hers, alice):
    asked = audit.requested(trail(hers, "vm.delete", command="virsh undefine x"))
    later = audit.Trail(Person(alice), "vm.delete", asked.target, correlation=asked.correlation)
    audit.ended(later, NoSpace(name="default"))
    (line,) = lines(boss)
    assert (line.phase, line.door, line.command) == ("failed", "api", "virsh undefine x")
    assert line.address == "192.0.2.7"
    assert "“default” has too little space" in line.reason


def test_a_request_without_outcome_is_under_way(boss, hers):
    audit.requested(trail(hers))
    assert [line.phase for line in lines(boss)] == [AuditPhase.REQUESTED]


def test_opening_and_closing_a_console_are_two_lines(boss, hers):
    opened = trail(hers, "console.open")
    audit.write(opened, AuditPhase.SUCCEEDED)
    closed = audit.Trail(hers, "console.close", opened.target, correlation=opened.correlation)
    audit.write(closed, AuditPhase.SUCCEEDED)
    assert [line.action for line in lines(boss)] == ["console.close", "console.open"]


def test_filters_narrow_and_join(boss, hers):
    audit.ended(trail(hers, "vm.start", "web"))
    audit.refused(trail(hers, "vm.pause", "db"), Refused("not-running"))
    audit.ended(trail(boss, "vm.start", "50%_off"))
    now = timezone.now()
    assert len(lines(boss, person="alice")) == 2
    assert len(lines(boss, action="vm.start")) == 2
    assert [line.reason for line in lines(boss, phase="refused")] == ["The guest is not running."]
    assert [line.target_name for line in lines(boss, text="%_")] == ["50%_off"]
    assert len(lines(boss, text="192.0.2")) == 2
    assert not lines(boss, since=now + timedelta(hours=1))
    assert not lines(boss, until=now - timedelta(hours=1))
    assert not lines(boss, person="alice", text="50%")


def test_pages_follow_each_other_and_new_lines_do_not_shift_them(boss, hers):
    for number in range(5):
        audit.ended(trail(hers, name=f"g{number}"))
    first = activity.page(actor=boss, wanted=EVERYTHING, limit=2)
    audit.ended(trail(hers, name="later"))
    second = activity.page(actor=boss, wanted=EVERYTHING, before=first.older, limit=2)
    third = activity.page(actor=boss, wanted=EVERYTHING, before=second.older, limit=2)
    names = [line.target_name for part in (first, second, third) for line in part.lines]
    assert names == ["g4", "g3", "g2", "g1", "g0"]
    assert third.older is None


def test_a_page_costs_the_same_queries_whatever_it_shows(boss, hers, django_assert_num_queries):
    audit.ended(trail(hers))
    with django_assert_num_queries(3):
        lines(boss)
    for number in range(40):
        with audit.audited(trail(hers, name=f"g{number}")):
            pass
    with django_assert_num_queries(3):
        assert len(lines(boss)) == 41


def test_mallory_and_alice_may_not_look(hers, mallory):
    audit.ended(trail(hers))
    for actor in (hers, Person(mallory)):
        with pytest.raises(Forbidden):
            lines(actor)
        with pytest.raises(Forbidden):
            activity.as_csv(actor=actor, wanted=EVERYTHING)


def test_csv_holds_every_line_of_the_filter_and_no_formula(boss, hers, monkeypatch):
    monkeypatch.setattr(activity, "_PER_QUERY", 2)
    names = ["=1+1", "+1", "-1", "@a", "\tx", " =1", 'plain, "quoted"\nline']
    for name in names:
        audit.ended(trail(hers, name=name))
    audit.ended(trail(boss, name="other"))
    text = "".join(activity.as_csv(actor=boss, wanted=AuditFilter(person="alice")))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["target"] for row in reversed(rows)] == [f"'{name}" for name in names[:-1]] + [
        names[-1]
    ]
    assert {row["person"] for row in rows} == {"alice"}


def test_every_action_that_is_audited_has_a_name():
    named = {action.value for action in Action if action.value.startswith("vm.")}
    named -= {"vm.view", "vm.power", "vm.console", "vm.console-view", "vm.console-take", "vm.media"}
    named -= {"vm.record"}  # written as recording.*
    for path in SERVICES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Trail"):
                named |= {
                    arg.value
                    for arg in node.args
                    if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
                }
    assert {name for name in named if "." in name} <= set(messages.ACTIONS)


def _old(days: int, **fields: str) -> AuditEntry:
    values = {"action": "vm.start", "phase": "succeeded", "actor_name": "alice", **fields}
    entry = AuditEntry.objects.create(**values)
    AuditEntry.objects.filter(pk=entry.pk).update(at=timezone.now() - timedelta(days=days))
    return entry


def test_old_lines_go_and_their_going_is_a_line(db, settings, monkeypatch):
    monkeypatch.setattr(activity, "_PER_DELETE", 2)
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"audit_days": 30})
    for days in (31, 40, 50):
        _old(days)
    young = _old(29)
    assert activity.delete_old() == 3
    newest, oldest = AuditEntry.objects.all()
    assert (newest.action, newest.detail) == ("audit.expire", {"lines": 3})
    assert oldest.pk == young.pk
    assert activity.delete_old() == 0
    assert AuditEntry.objects.count() == 2


def test_zero_days_keep_lines_for_ever(db, settings):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"audit_days": 0})
    _old(9000)
    assert activity.delete_old() == 0


def test_that_tiny_linux_was_offered_is_never_forgotten(db):
    _old(9000, action="template.create", role=SystemActor().role)
    assert activity.delete_old() == 0


def test_the_first_page_of_100_000_lines_is_quick_whatever_is_filtered(boss):
    batch = []
    for number in range(50_000):
        same = uuid.uuid4()
        for phase in ("requested", "succeeded"):
            batch.append(
                AuditEntry(
                    correlation=same,
                    phase=phase,
                    action="vm.start" if number else "vm.reset",
                    actor_name="alice" if number else "carol",
                    target_kind="vm",
                    target_id=str(uuid.UUID(int=number)),
                    target_name=f"g{number}",
                )
            )
    AuditEntry.objects.bulk_create(batch, batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for wanted in ({}, {"person": "carol"}, {"action": "vm.reset"}, {"phase": "failed"}):
        begun = time.monotonic()
        lines(boss, **wanted)
        assert time.monotonic() - begun < 0.25, wanted
    begun = time.monotonic()
    assert len(lines(boss, text="g49999")) == 1
    assert time.monotonic() - begun < 1.5
