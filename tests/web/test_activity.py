"""Activity: what administrators read of the audit trail."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.web.conftest import texts, tree
from vms.models import AuditEntry
from vms.policy import Door, Person
from vms.problems import Refused
from vms.services import audit


@pytest.fixture
def vm(row_of, alice):
    return row_of(alice, name="web <1>")


@pytest.fixture
def done(vm, alice):
    """Something alice did, and something she could not do."""
    actor = Person(alice, Door.WEB, "192.0.2.7")
    audit.refused(audit.Trail(actor, "vm.pause", audit.about(vm)), Refused("not-running"))
    with audit.audited(audit.Trail(actor, "vm.start", audit.about(vm), "virsh start 1")):
        pass


def test_page_says_who_did_what_from_where_with_which_result(web, admin, vm, done):
    page = web(admin).get(reverse("activity"))
    started, paused = texts(page, "tbody tr")
    assert "aliceOwner · web · 192.0.2.7 Start web <1>virsh start 1 done" in started
    assert "Pause web <1> refusedThe guest is not running." in paused
    (link, _other) = tree(page).cssselect("tbody a")
    assert link.get("href") == reverse("guest", args=[vm.pk])


def test_a_target_that_is_gone_keeps_its_name_without_a_link(web, admin, vm, done):
    vm.delete()
    page = web(admin).get(reverse("activity"))
    assert "web <1>" in texts(page, "tbody tr")[0]
    assert not tree(page).cssselect("tbody a")


def test_filter_stands_in_the_address_and_in_the_links(web, admin, done):
    page = web(admin).get(reverse("activity"), {"result": "refused", "q": "web <"})
    assert len(texts(page, "tbody tr")) == 1
    (csv,) = [a.get("href") for a in tree(page).cssselect(".bar a[href*=csv]")]
    assert csv == f"{reverse('activity-csv')}?result=refused&q=web+%3C"
    assert tree(page).cssselect("select[name=result] option[selected]")[0].get("value") == "refused"


def test_days_are_included_and_a_wrong_one_says_so(web, admin, done):
    today = AuditEntry.objects.latest("at").at.date().isoformat()
    client = web(admin)
    page = client.get(reverse("activity"), {"since": today, "until": today})
    assert len(texts(page, "tbody tr")) == 2
    page = client.get(reverse("activity"), {"since": "yesterday"})
    assert page.status_code == 200
    assert texts(page, "#id_since-errors")
    assert len(texts(page, "tbody tr")) == 2


@pytest.mark.parametrize("before", ["x", "-1", "²", "9" * 5000, ""])
def test_a_cursor_that_is_none_shows_the_newest(web, admin, done, before):
    page = web(admin).get(reverse("activity"), {"before": before})
    assert len(texts(page, "tbody tr")) == 2


def test_older_lines_are_a_link_away(web, admin, alice):
    for number in range(60):
        audit.ended(audit.Trail(Person(alice), "vm.start", audit.Target("vm", "", f"g{number}")))
    client = web(admin)
    page = client.get(reverse("activity"), {"person": "alice"})
    (older,) = [a.get("href") for a in tree(page).cssselect("a[rel=next]")]
    rest = client.get(reverse("activity") + older)
    assert len(texts(page, "tbody tr")) == 50
    assert len(texts(rest, "tbody tr")) == 10
    assert texts(rest, "nav.form-foot a") == ["Newest"]


def test_csv_is_the_filtered_set(web, admin, done):
    answer = web(admin).get(reverse("activity-csv"), {"result": "refused"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode()
    assert len(text.splitlines()) == 2
    assert "vm.pause" in text


def test_mallory_sees_neither_tab_nor_page_nor_file(web, mallory, done):
    client = web(mallory)
    assert "Activity" not in texts(client.get("/"), ".tabs a")
    for name in ("activity", "activity-csv"):
        assert client.get(reverse(name)).status_code == 403


def test_nothing_changes_the_trail(web, admin, done):
    before = list(AuditEntry.objects.values())
    client = web(admin)
    for name in ("activity", "activity-csv"):
        for method in (client.post, client.put, client.patch, client.delete):
            assert method(reverse(name)).status_code == 405
    assert list(AuditEntry.objects.values()) == before
