"""The jobs indicator and cancelling."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.web.conftest import SCRIPT, texts, tree
from vms.models import Job
from vms.services import job_kinds


@pytest.fixture
def job(row_of, alice):
    guest = row_of(alice, is_creating=True, name="new <b>one")
    return Job.objects.create(
        kind="create-vm",
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


@pytest.fixture
def failed(job):
    Job.objects.update(state="failed", error_code="internal", ended_at=timezone.now())
    return job


def test_failure_is_never_silent_and_ends_when_it_is_dismissed(web, failed, alice, bob):
    client = web(alice)
    assert "1 job failed" in texts(client.get("/"), "#jobs-button")[0]
    answer = client.post(reverse("job-dismiss", args=[failed.pk]), headers=SCRIPT)
    assert not tree(answer).cssselect("[data-job]")
    assert "failed" not in texts(client.get("/"), "#jobs-button")[0]


def test_failure_of_somebody_else_is_listed_with_his_name_and_raises_no_alarm(web, failed, admin):
    page = web(admin).get("/")
    assert "failed" not in texts(page, "#jobs-button")[0]
    assert "· alice" in texts(page, ".job")[0]
    assert tree(page).cssselect(".job")[0].get("data-mine") == "0"


def test_dismissing_is_per_person(web, failed, alice, admin):
    web(alice).post(reverse("jobs-dismiss"))
    assert not tree(web(alice).get("/")).cssselect("[data-job]")
    assert tree(web(admin).get("/")).cssselect("[data-job]")


def test_job_of_yesterday_is_no_longer_listed(web, failed, alice):
    Job.objects.update(ended_at=timezone.now() - timedelta(hours=25))
    assert not tree(web(alice).get("/")).cssselect("[data-job]")


def test_mallory_dismisses_nothing(web, failed, mallory):
    url = reverse("job-dismiss", args=[failed.pk])
    assert web(mallory).post(url, headers=SCRIPT).status_code == 404


def test_a_job_that_moves_bytes_says_how_many(web, job, alice):
    Job.objects.update(bytes_done=3 << 29, bytes_total=4 << 30)
    menu = web(alice).get(reverse("jobs"), headers=SCRIPT)
    assert "1.5 GiB of 4 GiB" in texts(menu, ".job")[0]
    assert tree(menu).cssselect(".job svg")[0].get("aria-label") == "37 %"


def test_a_failed_job_is_tried_again_where_that_is_safe(web, job, alice, mallory, monkeypatch):
    def again(actor, old: Job) -> Job:
        return Job.objects.create(kind=old.kind, actor=actor.user, target_name=old.target_name)

    job_kinds.all_kinds()
    monkeypatch.setitem(job_kinds.KINDS, "create-vm", job_kinds.Kind(lambda job: None, again))
    Job.objects.update(state="failed", ended_at=timezone.now())
    url = reverse("job-repeat", args=[job.pk])
    menu = web(alice).get(reverse("jobs"), headers=SCRIPT)
    assert tree(menu).cssselect(f"form[action='{url}'] button")
    assert web(mallory).post(url, headers=SCRIPT).status_code == 404
    assert web(alice).post(url, headers=SCRIPT).status_code == 204
    assert Job.objects.filter(state="queued").count() == 1
    menu = web(alice).get(reverse("jobs"), headers=SCRIPT)
    assert "Try again" not in menu.content.decode()


def test_a_cancelled_copy_says_that_the_host_still_holds_a_part_of_it(web, job, alice):
    error = {"error_code": "job-cancelled", "undo": [["volume", "host", "pool", "half"]]}
    Job.objects.update(state="cancelled", ended_at=timezone.now(), **error)
    menu = web(alice).get(reverse("jobs"), headers=SCRIPT)
    assert "still there" in texts(menu, ".job")[0]
    Job.objects.update(undo=[])
    menu = web(alice).get(reverse("jobs"), headers=SCRIPT)
    assert "still there" not in texts(menu, ".job")[0]
