"""The Host page: facts, accelerator and why, pools; for administrators."""

from __future__ import annotations

from django.urls import reverse

from tests.web.conftest import texts, tree
from vms.models import Host, Pool


def test_page_shows_facts_and_why_the_accelerator(web, admin, test_host):
    page = web(admin).get(reverse("host"))
    assert test_host.name in texts(page, "h1")[0]
    facts = texts(page, ".facts")[0]
    assert "test:///default" in facts
    assert "test driver" in facts


def test_pools_show_their_usage(web, admin, test_host):
    Pool.objects.all().delete()
    Pool.objects.create(
        host=test_host,
        pool_uuid="00000000-0000-4000-8000-000000000001",
        name="fast <b>",
        state="active",
        capacity_bytes=1000 << 30,
        allocation_bytes=250 << 30,
        available_bytes=750 << 30,
    )
    page = web(admin).get(reverse("host"))
    assert "fast <b>" in texts(page, "td")[0]
    assert tree(page).cssselect(".meter rect")[0].get("width") == "25%"
    assert "750 GiB" in page.content.decode()


def test_away_host_says_why_and_since_when(web, admin, test_host):
    Host.objects.update(status="away", status_code="host-timeout", status_since="2026-01-02T03:04Z")
    page = texts(web(admin).get(reverse("host")), "main .bar")[0]
    assert "2026-01-02 03:04" in page
    assert "did not answer" in page


def test_host_that_was_never_reached_still_has_a_page(web, admin, db):
    Host.objects.create(name="new", uri="qemu+ssh://new/system")
    assert web(admin).get(reverse("host")).status_code == 200


def test_page_without_hosts_says_what_to_do(web, admin):
    assert "script/server" in texts(web(admin).get(reverse("host")), ".empty-state")[0]


def test_mallory_is_not_let_in(web, mallory, test_host):
    answer = web(mallory).get(reverse("host"))
    assert answer.status_code == 403
    assert test_host.name not in answer.content.decode()
