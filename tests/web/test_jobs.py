"""The jobs indicator and cancelling."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.web.conftest import SCRIPT, texts, tree
from vms.models import Job, JobKind


@pytest.fixture
def job(row_of, alice):
    guest = row_of(alice, is_creating=True, name="new <b>one")
    return Job.objects.create(
        kind=JobKind.CREATE_VM,
        state="running",
        actor=alice,
        vm=guest,
        target_name=guest.name,
        steps_done=1,
        steps_total=5,
        step="disk",
    )


def test_indicator_counts_what_runs(web, job, alice, mallory):
    assert "1 job running" in texts(web(alice).get("/"), "#jobs-button")[0]
    assert not tree(web(mallory).get("/")).cssselect("[data-job]")


def test_menu_says_what_happens_now(web, job, alice):
    menu = web(alice).get(reverse("jobs"), headers=SCRIPT)
    assert "new <b>one" in texts(menu, ".job")[0]
    assert "making the disk" in texts(menu, ".job")[0]


def test_failed_job_says_why(web, job, alice):
    error = {"error_code": "no-space", "error_params": {"name": "fast"}}
    Job.objects.update(state="failed", ended_at=timezone.now(), **error)
    menu = web(alice).get(reverse("jobs"), headers=SCRIPT)
    assert "“fast” has too little space" in texts(menu, ".job")[0]


def test_job_can_be_cancelled(web, job, alice):
    answer = web(alice).post(reverse("guest-job-cancel", args=[job.pk]), headers=SCRIPT)
    assert answer.status_code == 204
    job.refresh_from_db()
    assert job.is_cancel_requested


def test_ended_job_cannot_be_cancelled(web, job, alice):
    Job.objects.update(state="succeeded")
    answer = web(alice).post(reverse("guest-job-cancel", args=[job.pk]), headers=SCRIPT)
    assert answer.status_code == 409


def test_mallory_cancels_nothing(web, job, mallory):
    url = reverse("guest-job-cancel", args=[job.pk])
    assert web(mallory).post(url, headers=SCRIPT).status_code == 404
    job.refresh_from_db()
    assert not job.is_cancel_requested
