"""The life of a job: bytes, the wish to stop, a second try, and who registered what."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError

from vms import messages
from vms.models import AuditEntry, Job
from vms.policy import Action, Person
from vms.problems import NotFound, Refused
from vms.services import audit, job_kinds, jobs

GIB = 1 << 30


@pytest.fixture
def job(admin):
    """A job of the administrator about a volume, under way."""
    return Job.objects.create(
        kind="clone-volume", state="running", actor=admin, target_kind="volume", steps_total=4
    )


def saved(job: Job) -> tuple[int, int]:
    return Job.objects.values_list("bytes_done", "bytes_total").get(pk=job.pk)


def test_progress_is_written_at_most_twice_a_second_but_the_end_always(job, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    jobs.progress(job, 1, GIB)
    for done in range(2, 50):
        jobs.progress(job, done, GIB)
    assert saved(job) == (1, GIB)
    now[0] += jobs.PROGRESS_S
    jobs.progress(job, 50, GIB)
    assert saved(job) == (50, GIB)
    jobs.progress(job, GIB, GIB)
    assert saved(job) == (GIB, GIB)


def test_progress_stops_a_job_that_shall_stop(job):
    Job.objects.update(is_cancel_requested=True)
    with pytest.raises(jobs.Cancelled):
        jobs.progress(job, 1, 10)


def test_percent_comes_from_bytes_where_they_are_known(job):
    job.steps_done = 1
    assert job.percent == 25
    job.bytes_done, job.bytes_total = 3 * GIB, 4 * GIB
    assert job.percent == 75
    job.state = "succeeded"
    assert job.percent == 100


def _request(actor, target: audit.Target) -> Job:
    new = jobs.NewJob("clone-volume", None, {}, 1, target=target)
    return jobs.request(actor=Person(actor), new=new, correlation=uuid.uuid4())


@pytest.fixture
def repeatable(monkeypatch):
    """A kind of job that can be asked for again, by those to whom the service gives it."""
    asked: list[tuple[object, Job]] = []

    def again(actor, job: Job) -> Job:
        asked.append((actor, job))
        return Job.objects.create(kind=job.kind, state="queued", actor=actor.user)

    job_kinds.all_kinds()
    kind = job_kinds.Kind(lambda job: None, again)
    monkeypatch.setitem(job_kinds.KINDS, "clone-volume", kind)
    return asked


@pytest.mark.django_db
def test_one_job_at_a_time_has_a_thing(admin, repeatable):
    one, other = (audit.Target("volume", str(uuid.uuid4()), "disk") for _each in range(2))
    first = _request(admin, one)
    assert (first.target_kind, str(first.target_id), first.target_name) == (
        "volume",
        one.id,
        "disk",
    )
    _request(admin, other)
    with pytest.raises(IntegrityError):
        _request(admin, one)


def test_a_job_that_failed_is_asked_for_again_by_its_service(job, admin, repeatable):
    with pytest.raises(Refused, match="job-not-ended"):
        jobs.repeat(actor=Person(admin), job_id=job.pk)
    Job.objects.update(state="interrupted")
    assert jobs.repeat(actor=Person(admin), job_id=job.pk).pk != job.pk
    assert [asked.pk for _actor, asked in repeatable] == [job.pk]


def test_nothing_is_repeated_before_what_was_half_made_is_gone(job, admin, repeatable):
    Job.objects.update(state="failed", undo=[["volume", "x", "pool", "name"]])
    with pytest.raises(Refused, match="job-clean-up-waits"):
        jobs.repeat(actor=Person(admin), job_id=job.pk)


def test_what_was_done_or_has_no_second_try_is_not_repeated(job, admin, repeatable):
    Job.objects.update(state="succeeded")
    with pytest.raises(Refused, match="job-not-repeatable"):
        jobs.repeat(actor=Person(admin), job_id=job.pk)
    Job.objects.update(state="failed", kind="create-vm")
    with pytest.raises(Refused, match="job-not-repeatable"):
        jobs.repeat(actor=Person(admin), job_id=job.pk)


def test_mallory_repeats_nothing_that_is_not_his(job, mallory, repeatable):
    Job.objects.update(state="failed")
    with pytest.raises(NotFound):
        jobs.repeat(actor=Person(mallory), job_id=job.pk)
    assert not repeatable


def test_the_outcome_answers_the_line_that_asked(job, admin):
    target = audit.Target("volume", str(uuid.uuid4()), "disk")
    trail = audit.requested(audit.Trail(Person(admin), Action.JOB_CANCEL.value, target))
    Job.objects.update(correlation=trail.correlation, target_id=target.id, target_name=target.name)
    jobs.finish(job.pk, None)
    outcome = AuditEntry.objects.get(correlation=trail.correlation, phase="succeeded")
    assert (outcome.action, outcome.target_kind, outcome.target_id, outcome.target_name) == (
        Action.JOB_CANCEL.value,
        "volume",
        target.id,
        "disk",
    )


def test_every_kind_of_job_has_a_name():
    assert set(job_kinds.all_kinds()) <= set(messages.JOB_KINDS)


def test_what_jobs_note_can_be_undone():
    for note in ("row", "volume", "orphan", "domain"):
        assert callable(job_kinds.undoer(note))
