"""Charts: the page, and history as JSON and CSV, whatever the guest is called."""

from __future__ import annotations

import csv
import io
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.web.conftest import texts, tree
from vms.models import VM
from vms.models.history import COLUMNS, MINUTE_S
from vms.services import history
from vms.services.history import Mean, Minute

MEAN = Mean((12.5, 64.0, 128.0, 1000.0, 2000.0, 0.0, None), 60)
NAMES = ["=cmd|' /C calc'!A0", "../../etc/passwd", 'a"b;c\r\nX-Evil: 1', "Zürich 100% #1", "…", ""]


@pytest.fixture
def guest(row_of, alice, test_host) -> VM:
    """A guest of alice with one minute of history, as has its host."""
    made = row_of(alice, name="web")
    at_s = (int(time.time()) // MINUTE_S - 1) * MINUTE_S
    history.record_minute(test_host, Minute(at_s, MEAN, {str(made.pk): MEAN}))
    return made


def series_url(guest: VM, **query: str) -> str:
    return reverse("guest-series", args=[guest.pk], query=query)


def test_page_has_four_charts_and_a_table_of_every_line(web, alice, guest):
    page = web(alice).get(reverse("guest-charts", args=[guest.pk]))
    assert len(tree(page).cssselect("[data-chart]")) == 4
    rows = [row.get("data-summary") for row in tree(page).cssselect("[data-summary]")]
    assert rows == list(COLUMNS)
    assert texts(page, ".segments [aria-current]") == ["Hour"]
    assert " style=" not in page.content.decode()


def test_span_in_the_address_is_the_one_chosen(web, alice, guest):
    page = web(alice).get(reverse("guest-charts", args=[guest.pk]) + "?span=month")
    assert texts(page, ".segments [aria-current]") == ["Month"]
    assert tree(page).cssselect("[data-charts]")[0].get("data-span") == "month"


def test_span_that_is_none_is_not_found(web, alice, guest):
    for url in (reverse("guest-charts", args=[guest.pk]), reverse("guest-series", args=[guest.pk])):
        assert web(alice).get(f"{url}?span=century").status_code == 404


def test_numbers_come_in_columns_with_gaps_as_null(web, alice, guest):
    body = web(alice).get(series_url(guest)).json()
    assert list(body["columns"]) == list(COLUMNS)
    known = [value for value in body["columns"]["cpu_percent"] if value is not None]
    assert known == [12.5]
    assert len(body["at_s"]) == len(body["columns"]["net_tx_bps"]) == 60


def test_administrator_sees_charts_and_numbers_of_the_host(web, admin, guest, test_host):
    page = web(admin).get(reverse("host") + "?span=day")
    (charts,) = tree(page).cssselect("[data-charts=host]")
    assert charts.get("data-subject") == str(test_host.pk)
    body = web(admin).get(charts.get("data-url") + "?span=day").json()
    assert 12.5 in body["columns"]["cpu_percent"]


def test_mallory_finds_nothing(web, mallory, alice, guest, test_host):
    for name in ("guest-charts", "guest-series"):
        assert web(mallory).get(reverse(name, args=[guest.pk])).status_code == 404
    assert web(mallory).get(series_url(guest, format="csv")).status_code == 404
    for user in (mallory, alice):
        url = reverse("host-series", args=[test_host.pk])
        assert web(user).get(url).status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_csv_is_safe_whatever_the_guest_is_called(web, alice, guest, name):
    VM.objects.filter(pk=guest.pk).update(name=name)
    answer = web(alice).get(series_url(guest, format="csv"))
    assert answer["Content-Type"].startswith("text/csv")
    assert "X-Evil" not in answer.headers
    disposition = answer["Content-Disposition"]
    assert disposition.startswith("attachment; filename")
    assert not set(disposition.partition("=")[2].strip('"')) & set('/\\"\r\n|')
    for row in csv.reader(io.StringIO(answer.content.decode())):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
    assert not name or name not in answer.content.decode()


def test_csv_of_a_host_is_named_after_it(web, admin, test_host):
    url = reverse("host-series", args=[test_host.pk], query={"format": "csv", "span": "week"})
    answer = web(admin).get(url)
    assert f'filename="host-{test_host.name}-week.csv"' in answer["Content-Disposition"]


def test_reading_a_year_costs_as_many_queries_as_an_hour(web, alice, guest):
    browser, counts = web(alice), set()
    for span in ("hour", "year"):
        with CaptureQueriesContext(connection) as queries:
            browser.get(series_url(guest, span=span))
        counts.add(len([each for each in queries if "vms_average" not in each["sql"]]))
    assert len(counts) == 1
