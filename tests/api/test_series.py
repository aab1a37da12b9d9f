"""History through the API: columns of one length, for those who may see the thing."""

from __future__ import annotations

import time

import pytest

from tests.api.conftest import problem_of
from vms.models.history import COLUMNS, MINUTE_S
from vms.services import history
from vms.services.history import Mean, Minute

MEAN = Mean((12.5, 64.0, 128.0, 1000.0, 2000.0, 0.0, None), 60)


@pytest.fixture
def past(guest, test_host) -> int:
    """Begin of the one minute that is known: the last one that is over."""
    at_s = (int(time.time()) // MINUTE_S - 1) * MINUTE_S
    history.record_minute(test_host, Minute(at_s, MEAN, {str(guest.pk): MEAN}))
    return at_s


def test_the_owner_reads_his_guest(api_of, alice, guest, past):
    body = api_of(alice).get(f"vms/{guest.pk}/series").json()
    assert (body["span"], body["step_s"]) == ("hour", 60)
    index = body["at_s"].index(past)
    assert tuple(body[name][index] for name in COLUMNS) == MEAN.values
    assert {len(body[name]) for name in COLUMNS} == {60}


def test_the_administrator_reads_a_host(api_of, admin, test_host, past):
    body = api_of(admin).get(f"hosts/{test_host.pk}/series?span=year").json()
    assert [value for value in body["cpu_percent"] if value is not None] == [12.5]


def test_mallory_gets_404_for_guest_and_host(api_of, mallory, guest, test_host, past):
    for path in (f"vms/{guest.pk}/series", f"hosts/{test_host.pk}/series"):
        assert api_of(mallory).get(path).status_code == 404


def test_a_span_that_is_none_is_said_at_the_field(api_of, alice, guest):
    response = api_of(alice).get(f"vms/{guest.pk}/series?span=century")
    assert response.status_code == 422
    assert list(problem_of(response)["fields"]) == ["span"]
