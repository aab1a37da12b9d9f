"""Tastes are kept per person, and read whatever stands there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from vms.finder import Order
from vms.models import Job, User
from vms.policy import Person
from vms.problems import Invalid, NotFound
from vms.services import preferences


@pytest.fixture
def job(alice):
    return Job.objects.create(
        kind="create-vm", state="failed", actor=alice, ended_at=timezone.now()
    )


def test_tastes_do_not_disturb_each_other(alice, bob):
    preferences.hide_columns(actor=Person(alice), hidden={"disk", "owner"})
    preferences.choose_order(actor=Person(alice), order=Order.read("-cpu"))
    likes = preferences.of(User.objects.get(pk=alice.pk))
    assert likes.hidden_columns == {"disk", "owner"}
    assert str(likes.order) == "-cpu"
    assert preferences.of(bob).hidden_columns == frozenset()


def test_an_unknown_column_is_refused(alice):
    with pytest.raises(Invalid):
        preferences.hide_columns(actor=Person(alice), hidden={"password"})


@pytest.mark.parametrize(
    "stored", [[], {"hidden_columns": "cpu", "order": 3}, {"hidden_columns": [1, None, "x"]}, None]
)
def test_nonsense_in_the_row_is_read_as_no_taste(alice, stored):
    alice.preferences = stored
    likes = preferences.of(alice)
    assert (likes.hidden_columns, likes.order, likes.dismissed_jobs) == (
        frozenset(),
        None,
        frozenset(),
    )


def test_a_job_that_has_ended_can_be_dismissed_and_one_that_runs_cannot(alice, job):
    running = Job.objects.create(kind="create-vm", state="running", actor=alice)
    preferences.dismiss_jobs(actor=Person(alice))
    preferences.dismiss_job(actor=Person(alice), job_id=running.pk)
    assert preferences.of(User.objects.get(pk=alice.pk)).dismissed_jobs == {str(job.pk)}


def test_old_jobs_are_forgotten(alice, job):
    preferences.dismiss_job(actor=Person(alice), job_id=job.pk)
    Job.objects.update(created_at=timezone.now() - timedelta(days=3))
    preferences.dismiss_jobs(actor=Person(alice))
    assert preferences.of(User.objects.get(pk=alice.pk)).dismissed_jobs == frozenset()


def test_mallory_dismisses_only_what_he_sees(mallory, job):
    with pytest.raises(NotFound):
        preferences.dismiss_job(actor=Person(mallory), job_id=job.pk)
    preferences.dismiss_jobs(actor=Person(mallory))
    assert preferences.of(User.objects.get(pk=mallory.pk)).dismissed_jobs == frozenset()
