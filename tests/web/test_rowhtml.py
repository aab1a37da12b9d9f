"""Rows of guests are rendered once while they stay the same, each for those who see the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.http import HttpResponse

from tests.web.conftest import texts
from vms.live import recent
from vms.live.messages import Numbers
from vms.models import VM, Share, VmRole
from vms.policy import Person
from vms.services import preferences

FRAMES = {"list": "guests/_row.html", "gallery": "guests/_card.html"}
GAUGES = ".gauge-number"


@pytest.fixture
def running(row_of, alice) -> VM:
    return row_of(alice, name="counted", state="running", has_vnc=True)


@pytest.fixture
def tell(running) -> Iterator[Callable[[float], None]]:
    """Let the next tick say so many percent of CPU."""
    pk = str(running.pk)

    def make(cpu_percent: float) -> None:
        numbers = Numbers(cpu_percent, 512, 1024, "balloon", 0, 0, 0, 0)
        recent.record({pk: numbers}, {pk: numbers.as_json()})

    yield make
    recent.forget(pk)


def rendered(answer: HttpResponse) -> list[str]:
    return [template.name for template in answer.templates if template.name in FRAMES.values()]


@pytest.mark.parametrize("view", FRAMES)
def test_a_row_is_rendered_again_only_when_it_has_changed(web, alice, running, view):
    client, url = web(alice), f"/?view={view}"
    assert rendered(client.get(url)) == [FRAMES[view]]
    assert rendered(client.get(url)) == []
    running.state = "paused"
    running.save()
    answer = client.get(url)
    assert rendered(answer) == [FRAMES[view]]
    assert 'data-state="paused"' in answer.content.decode()


@pytest.mark.parametrize("view", FRAMES)
def test_numbers_move_in_a_row_that_stays(web, alice, tell, view):
    client, url = web(alice), f"/?view={view}"
    tell(12.0)
    assert texts(client.get(url), GAUGES)[0] == "12"
    tell(34.0)
    answer = client.get(url)
    assert (texts(answer, GAUGES)[0], rendered(answer)) == ("34", [])


def test_gauges_hidden_by_one_person_stay_for_the_others(web, alice, admin, running, tell):
    tell(12.0)
    preferences.hide_columns(actor=Person(alice), hidden=["cpu", "disk"])
    for _again in range(2):
        assert texts(web(alice).get("/"), GAUGES) == ["50", "0.0"]
        assert texts(web(admin).get("/?q=counted"), GAUGES) == ["12", "50", "0.0", "0.0"]


def test_the_same_row_is_worded_in_the_language_of_each(web, alice, running):
    client = web(alice)
    for language, word in [("en", "Console"), ("de", "Konsole"), ("en", "Console")]:
        alice.language = language
        alice.save()
        assert texts(client.get("/"), ".btn-console") == [word]


def test_buttons_of_the_owner_are_not_shown_to_who_may_only_look(web, row_of, alice, bob):
    guest = row_of(alice, name="off")
    Share.objects.create(vm=guest, user=bob, role=VmRole.VIEWER)
    for _again in range(2):
        assert "Start" in texts(web(alice).get("/"), ".g-go")[0]
        assert texts(web(bob).get("/"), ".g-go") == [""]
