"""The landing page: who sees what, in list and gallery, at a constant price."""

from __future__ import annotations

import json
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.web.conftest import SCRIPT, texts, tree
from vms.hypervisor.types import VmState
from vms.live.messages import Numbers
from vms.models import VM, Host, Job, Template, User
from vms.web.listing import PAGE
from vms.web.numbers import Gauges

NAMES = ".g-title > a"


def test_user_sees_only_his_own_guests(web, row_of, alice, mallory):
    row_of(alice, name="of alice")
    assert texts(web(alice).get("/"), NAMES) == ["of alice"]
    page = web(mallory).get("/")
    assert texts(page, NAMES) == []
    assert b"of alice" not in page.content


def test_administrator_sees_every_guest_with_its_owner(web, row_of, admin, alice):
    row_of(alice, name="one")
    row_of(None, name="made by virsh")
    page = web(admin).get("/")
    assert texts(page, NAMES) == ["made by virsh", "one", "test"]
    assert "alice" in texts(page, "[data-name=one] .g-sub")[0]


def test_gallery_shows_the_same_guests(web, row_of, alice):
    row_of(alice, name="of alice", state="running", has_vnc=True)
    page = web(alice).get("/?view=gallery")
    assert texts(page, ".g-card .g-title > a") == ["of alice"]
    assert tree(page).cssselect(".g-card img[data-shot]")


def test_view_is_remembered_per_person(web, alice, bob):
    web(alice).post(reverse("guest-view"), {"view": "gallery"})
    assert b'data-view="gallery"' in web(alice).get("/").content
    assert b'data-view="list"' in web(bob).get("/").content


def test_unknown_view_is_refused(web, alice):
    assert web(alice).post(reverse("guest-view"), {"view": "<b>"}).status_code == 404
    assert User.objects.get(pk=alice.pk).guest_view == "list"


@pytest.mark.parametrize("view", ["list", "gallery"])
def test_names_are_text_never_html(web, row_of, alice, view):
    row_of(alice, name='<b>"x"</b> & ü', description="<script>")
    page = web(alice).get(f"/?view={view}")
    assert texts(page, NAMES) == ['<b>"x"</b> & ü']
    assert b'<b>"x"' not in page.content


def test_guest_that_is_off_shows_dashes_and_a_start_button(web, row_of, alice):
    row_of(alice, state="off")
    page = web(alice).get("/")
    assert texts(page, ".gauge-none") == ["–"] * 4
    assert texts(page, ".g-go button") == ["Start"]


def test_job_stands_in_the_row_with_progress_and_cancel(web, row_of, alice):
    guest = row_of(alice, is_creating=True)
    values = {"state": "running", "step": "define", "steps_done": 3, "steps_total": 5}
    job = Job.objects.create(kind="create-vm", actor=alice, vm=guest, **values)
    page = web(alice).get("/")
    assert "defining the guest" in texts(page, ".g-job")[0]
    assert tree(page).cssselect(".g-job rect")[0].get("width") == "60%"
    cancel = tree(page).cssselect(".g-act button")[0].get("hx-post")
    assert cancel == reverse("guest-job-cancel", args=[job.pk])


def test_empty_page_says_what_to_do(web, alice, admin, template):
    assert "first guest" in texts(web(alice).get("/"), "#no-guests")[0]
    assert "virsh" in texts(web(admin).get("/"), "#no-guests")[0]


def test_empty_page_without_templates_sends_the_administrator_to_make_one(web, admin, alice):
    (link,) = tree(web(admin).get("/")).cssselect("#no-guests a")
    assert link.get("href") == reverse("template-new")
    assert not tree(web(alice).get("/")).cssselect("#no-guests a")


def test_filter_text_of_the_address_is_kept(web, alice):
    page = web(alice).get("/", {"q": '"><b>x'})
    assert tree(page).cssselect("#filter")[0].get("value") == '"><b>x'


def test_away_host_is_told_to_those_it_concerns(web, row_of, alice, mallory, admin, test_host):
    row_of(alice)
    Host.objects.filter(pk=test_host.pk).update(status="away", status_since="2026-01-02T03:04:00Z")
    assert "03:04" in texts(web(alice).get("/"), ".banner")[0]
    assert "does not answer" in texts(web(admin).get("/"), ".banner")[0]
    assert test_host.name not in web(mallory).get("/").content.decode()


def test_rows_come_by_id_and_only_the_visible_ones(web, row_of, alice, mallory):
    one, two = row_of(alice, name="one"), row_of(alice, name="two")
    wanted = {"id": [str(one.pk), str(two.pk), str(uuid.uuid4()), "no-uuid"], "view": "list"}
    rows = web(alice).get(reverse("guest-rows"), wanted, headers=SCRIPT)
    assert texts(rows, NAMES) == ["one", "two"]
    rows = web(mallory).get(reverse("guest-rows"), wanted, headers=SCRIPT)
    assert rows.content.strip() == b""


def test_index_gives_the_revision_of_what_one_may_see(web, row_of, alice, mallory):
    guest = row_of(alice, revision=7)
    assert web(alice).get(reverse("guest-index")).json()["guests"] == {str(guest.pk): 7}
    stranger = web(mallory).get(reverse("guest-index")).json()
    assert (stranger["guests"], stranger["total"]) == ({}, 0)


def test_rows_of_unknown_ids_are_not_all_rows(web, row_of, alice):
    row_of(alice)
    answer = web(alice).get(reverse("guest-rows"), {"id": "no-uuid"}, headers=SCRIPT)
    assert answer.content.strip() == b""


def test_rows_far_down_are_named_and_complete_when_asked_for(web, row_of, alice):
    guests = [row_of(alice, name=f"{number:03}") for number in range(PAGE + 2)]
    page = tree(web(alice).get("/"))
    assert len(page.cssselect("#guest-rows > *")) == PAGE
    index = json.loads(page.get_element_by_id("guest-index").text)
    assert list(index) == [str(guest.pk) for guest in guests]
    rows = web(alice).get(reverse("guest-rows"), {"id": str(guests[-1].pk)}, headers=SCRIPT)
    assert texts(rows, NAMES) == [f"{PAGE + 1:03}"]


def test_pages_lead_on_where_no_script_runs(web, row_of, alice):
    for number in range(PAGE + 2):
        row_of(alice, name=f"{number:03}")
    (link,) = tree(web(alice).get("/?q=state:off")).cssselect("#pager a")
    page = web(alice).get(link.get("href"))
    assert texts(page, NAMES) == [f"{PAGE:03}", f"{PAGE + 1:03}"]
    assert web(alice).get("/?page=99").status_code == web(alice).get("/?page=x").status_code == 200


@pytest.mark.parametrize("who", ["alice", "admin"])
@pytest.mark.parametrize("view", ["list", "gallery"])
def test_query_count_is_the_same_for_1_20_and_200_guests(
    web, row_of, alice, template, view, who, request
):
    client, counts = web(request.getfixturevalue(who)), []
    for wanted in (1, 20, 200):
        while VM.objects.filter(owner=alice).count() < wanted:
            number = VM.objects.count()
            guest = row_of(alice, template=template, state="running", tags=[f"t{number}", "all"])
            values = {"kind": "create-vm", "actor": alice, "target_name": guest.name}
            Job.objects.create(state="running", vm=guest, **values)
            Job.objects.create(state="failed", ended_at=timezone.now(), **values)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(f"/?view={view}").status_code == 200
        counts.append(len(queries))
    assert len(set(counts)) == 1, counts


def test_list_makes_no_call_to_a_host(web, row_of, alice, monkeypatch):
    row_of(alice, state="running")

    def called(*_args: object, **_more: object) -> None:
        pytest.fail("the page called the host")

    with monkeypatch.context() as patch:
        patch.setattr("vms.hypervisor.connection.HostConnection.call", called)
        assert web(alice).get("/").status_code == 200


@pytest.mark.parametrize("state", list(VmState))
def test_every_state_can_be_shown(web, row_of, alice, state):
    row_of(alice, state=state.value, has_vnc=True)
    for view in ("list", "gallery"):
        assert web(alice).get(f"/?view={view}").status_code == 200


def test_guest_without_template_row_keeps_its_name(web, row_of, alice, template):
    guest = row_of(alice, template=template, template_name=template.name)
    Template.objects.all().delete()
    guest.refresh_from_db()
    assert template.name in texts(web(alice).get("/"), ".g-sub")[0]


def test_gauges_word_numbers_with_units():
    words = Gauges().of(Numbers(34.4, 512, 1024, "balloon", 2 << 20, 100 << 10, 0, 0))
    assert [(each.number, each.unit) for each in words] == [
        ("34", "%"),
        ("50", "%"),
        ("2.1", "MiB/s"),
        ("0.0", "KiB/s"),
    ]
    assert 0.4 < words[2].fraction < 0.8
    assert words[3].fraction == 0


def test_unknown_numbers_are_empty_not_zero():
    assert [each.number for each in Gauges().of(None)] == ["", "", "", ""]
