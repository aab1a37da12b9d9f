"""The guests page for many guests: search, order, columns, tags, and one thing done to many."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from tests.web.conftest import SCRIPT, texts, tree
from vms.live import recent
from vms.live.messages import Numbers
from vms.models import VM, User
from vms.web.taglooks import COLOURS, TagLooks, colour

NAMES = ".g-title > a"


def test_search_of_the_address_filters_on_the_server(web, row_of, alice):
    row_of(alice, name="web-1", tags=["web"], state="running")
    row_of(alice, name="web-2", tags=["web"])
    row_of(alice, name="db")
    page = web(alice).get("/", {"q": "tag:web state:running"})
    assert texts(page, NAMES) == ["web-1"]
    assert texts(page, "#filter-count") == ["1 of 3 guests"]
    assert texts(page, "#chip-state b, #chip-tag b") == ["running", "web"]


def test_wrong_search_is_told_beside_the_box_and_nothing_is_lost(web, row_of, alice):
    row_of(alice, name="web")
    page = web(alice).get("/", {"q": 'foo:"<b>" web'})
    assert "“foo:” is not known" in texts(page, "#filter-problem")[0]
    assert tree(page).get_element_by_id("filter").get("value") == 'foo:"<b>" web'
    assert texts(page, NAMES) == ["web"]
    assert tree(web(alice).get("/")).get_element_by_id("filter-problem").get("hidden") is not None


def test_nothing_found_is_not_the_same_as_no_guests(web, row_of, alice):
    row_of(alice, name="web")
    page = tree(web(alice).get("/", {"q": "nothing"}))
    assert page.get_element_by_id("no-match").get("hidden") is None
    assert page.get_element_by_id("no-guests").get("hidden") is not None


def test_order_stands_in_address_head_and_chip(web, row_of, alice):
    busy, idle = row_of(alice, name="b", state="running"), row_of(alice, name="a", state="running")
    for guest, percent in ((busy, 90.0), (idle, 1.0)):
        numbers = Numbers(cpu_percent=percent)
        recent.record({str(guest.pk): numbers}, {str(guest.pk): numbers.as_json()})
    try:
        page = web(alice).get("/", {"sort": "-cpu"})
    finally:
        recent.forget(str(busy.pk))
        recent.forget(str(idle.pk))
    assert texts(page, NAMES) == ["b", "a"]
    (head,) = tree(page).cssselect("[data-head=cpu]")
    assert head.get("aria-sort") == "descending"
    assert head.cssselect("button")[0].get("value") == "cpu"
    assert texts(page, "#chip-sort b") == ["CPU ↓"]


def test_order_is_remembered_per_person(web, row_of, alice, bob):
    for name in ("a", "b"):
        row_of(alice, name=name)
    client = web(alice)
    assert client.post(reverse("guest-order"), {"sort": "-name"}).status_code == 204
    assert texts(client.get("/"), NAMES) == ["b", "a"]
    assert texts(client.get("/?sort=name"), NAMES) == ["a", "b"]
    assert User.objects.get(pk=bob.pk).preferences == {}
    assert client.post(reverse("guest-order"), {"sort": "<b>"}).status_code == 404


def test_index_gives_what_matches_in_order(web, row_of, alice):
    rows = [row_of(alice, name=name, tags=["x"]) for name in ("c", "a", "b")]
    row_of(alice, name="d")
    answer = web(alice).get(reverse("guest-index"), {"q": "tag:x foo:", "sort": "-name"}).json()
    assert list(answer["guests"]) == [str(rows[i].pk) for i in (0, 2, 1)]
    assert answer["total"] == 4
    assert answer["problem"]
    assert answer["heads"]["name"] == ["descending", "name"]
    assert answer["chips"]["tag"][:2] == ["x", True]


def test_chip_offers_each_choice_as_an_address(web, row_of, alice):
    row_of(alice, name="a", tags=["two words", "web"])
    menu = web(alice).get(reverse("guest-choices", args=["tag"]), {"q": "state:off tag:web"})
    assert texts(menu, "a") == ["any", "without a tag", "two words", "web"]
    chosen = [a.text_content() for a in tree(menu).cssselect("[aria-checked=true]")]
    assert chosen == ["web"]
    link = tree(menu).cssselect("a")[2].get("href")
    assert texts(web(alice).get(link), NAMES) == ["a"]


def test_owners_are_offered_only_to_those_who_see_them(web, row_of, alice, admin):
    row_of(alice, name="a")
    url = reverse("guest-choices", args=["owner"])
    assert web(alice).get(url).status_code == 404
    assert "alice" in texts(web(admin).get(url), "a")
    assert not tree(web(alice).get("/")).cssselect("#chip-owner")
    assert web(admin).get(reverse("guest-choices", args=["password"])).status_code == 404


def test_mallory_finds_no_tags_owners_or_guests_of_others(web, row_of, alice, mallory):
    row_of(alice, name="secret name", tags=["secret tag"])
    client = web(mallory)
    for url in (
        "/?q=secret",
        reverse("guest-index") + "?q=tag:secret",
        reverse("guest-choices", args=["tag"]),
    ):
        content = client.get(url).content.decode().replace("tag:secret", "")
        assert "secret name" not in content
        assert "secret tag" not in content


def test_hidden_columns_are_left_out_for_that_person(web, row_of, alice, bob):
    for owner in (alice, bob):
        row_of(owner, name="a", state="running", tags=["web"], addresses=["10.0.0.1"])
    client = web(alice)
    client.post(reverse("guest-columns"), {"column": ["cpu", "os"]})
    page = client.get("/")
    assert texts(page, "[data-head]") == ["Guest", "CPU"]
    assert len(tree(page).cssselect(".g-body [data-gauge]")) == 1
    assert not tree(page).cssselect(".g-ip, .g-tags")
    rows = client.get(reverse("guest-rows"), headers=SCRIPT)
    assert len(tree(rows).cssselect("[data-gauge]")) == 1
    assert len(tree(web(bob).get("/")).cssselect(".g-body [data-gauge]")) == 4


def test_column_that_is_not_offered_stays_as_it_was(web, alice):
    web(alice).post(reverse("guest-columns"), {"column": ["cpu"]})
    assert "owner" not in User.objects.get(pk=alice.pk).preferences["hidden_columns"]


def test_address_is_a_button_that_copies_it(web, row_of, alice):
    row_of(alice, addresses=["10.0.0.1", "fd00::1"])
    (button,) = tree(web(alice).get("/")).cssselect(".g-ip button")
    assert button.get("data-copy") == "10.0.0.1"
    assert button.get("aria-label") == "Copy 10.0.0.1"


def test_tag_has_its_colour_and_leads_to_its_guests(web, row_of, alice):
    row_of(alice, name="a", tags=["two words", "<b>"])
    page = tree(web(alice).get("/"))
    first, second = page.cssselect(".g-tags a.tag")
    assert first.get("data-query") == 'tag:"two words"'
    assert texts(web(alice).get(first.get("href")), NAMES) == ["a"]
    assert second.text_content() == "<b>"
    assert f"tag-c{colour('TWO words')}" in first.get("class")


def test_colours_are_all_used_and_never_change():
    used = {colour(f"tag {number}") for number in range(200)}
    assert used == set(range(COLOURS))
    assert TagLooks().of(["web"])[0].css == "tag-c" + str(colour("Web"))


def test_tags_are_added_and_removed_inline(web, row_of, alice):
    guest, client = row_of(alice), web(alice)
    url = reverse("guest-tags", args=[guest.pk])
    answer = client.post(url, {"add": "web, prod"}, headers=SCRIPT)
    assert answer.status_code == 200
    assert texts(answer, ".tag-list .tag") == ["web", "prod"]
    assert client.post(url, {"add": "", "drop": "web"}).status_code == 302
    assert VM.objects.get(pk=guest.pk).tags == ["prod"]


def test_wrong_tag_is_told_beside_the_field_with_what_was_typed(web, row_of, alice):
    guest = row_of(alice)
    url = reverse("guest-tags", args=[guest.pk])
    answer = web(alice).post(url, {"add": 'a "b"'}, headers=SCRIPT)
    assert answer.status_code == 422
    field = tree(answer).get_element_by_id("tag-input")
    assert field.get("aria-invalid") == "true"
    assert field.get("value") == 'a "b"'
    assert "quotes" in tree(answer).get_element_by_id("tag-error").text_content()


def test_removing_a_tag_adds_nothing_that_was_half_typed(web, row_of, alice):
    guest = row_of(alice, tags=["web"])
    url = reverse("guest-tags", args=[guest.pk])
    answer = web(alice).post(url, {"add": "half", "drop": "web"}, headers=SCRIPT)
    assert VM.objects.get(pk=guest.pk).tags == []
    assert tree(answer).get_element_by_id("tag-input").get("value") == "half"


def test_enter_in_the_tag_field_adds_and_never_removes(web, row_of, alice):
    guest = row_of(alice, tags=["web"])
    page = tree(web(alice).get(reverse("guest-tags", args=[guest.pk]), headers=SCRIPT))
    first = page.cssselect("form button:not([type=button])")[0]
    assert first.get("name") != "drop"


def test_mallory_sees_and_changes_no_tags(web, row_of, alice, mallory):
    url = reverse("guest-tags", args=[row_of(alice, tags=["secret"]).pk])
    assert web(mallory).get(url).status_code == 404
    assert web(mallory).post(url, {"add": "x"}, headers=SCRIPT).status_code == 404


def bulk(client, verb, guests, **more):
    ids = [str(guest.pk) for guest in guests]
    return client.post(reverse("guest-bulk"), {"verb": verb, "id": ids, **more}, headers=SCRIPT)


def test_bulk_gives_a_result_for_each_guest(web, make_guest, alice):
    one, off = make_guest(alice, name="one"), make_guest(alice, name="off", is_started=False)
    answer = bulk(web(alice), "pause", [one, off])
    assert texts(answer, "li") == ["one done", "off The guest is off."]
    assert [li.get("class") for li in tree(answer).cssselect("li")] == ["is-good", "is-bad"]


def test_bulk_works_as_a_plain_form(web, make_guest, alice):
    guest = make_guest(alice, name="one")
    form = {"verb": "pause", "id": [str(guest.pk)], "next": "/?q=one"}
    page = web(alice).post(reverse("guest-bulk"), form)
    assert "1 done, 0 not done" in texts(page, "[role=status]")
    assert tree(page).cssselect("main a.btn-primary")[0].get("href") == "/?q=one"


@pytest.mark.parametrize("verb", ["delete", "power-off"])
def test_what_loses_something_names_every_guest_first(web, make_guest, alice, verb):
    guests = [make_guest(alice, name="one <b>"), make_guest(alice, name="two")]
    for headers in (SCRIPT, {}):
        ids = [str(guest.pk) for guest in guests]
        page = web(alice).post(reverse("guest-bulk"), {"verb": verb, "id": ids}, headers=headers)
        assert texts(page, ".bulk-list b") == ["one <b>", "two"]
        assert ("qcow2" in page.content.decode()) == (verb == "delete")
    assert {vm.state for vm in VM.objects.filter(owner=alice)} == {"running"}


def test_bulk_delete_keeps_disks_unless_told_otherwise(
    web, make_guest, alice, django_capture_on_commit_callbacks
):
    guest = make_guest(alice)
    with django_capture_on_commit_callbacks(execute=True):
        answer = bulk(web(alice), "delete", [guest], confirmed="1", disks="own")
    assert "is being deleted" in texts(answer, "li")[0]
    assert not VM.objects.filter(pk=guest.pk).exists()


def test_bulk_tags_many(web, row_of, alice):
    guests = [row_of(alice), row_of(alice, tags=["old"])]
    assert bulk(web(alice), "tag", guests, tags="a, b").status_code == 200
    assert [vm.tags for vm in VM.objects.filter(pk__in=[g.pk for g in guests]).order_by("pk")] in (
        [["a", "b"], ["old", "a", "b"]],
        [["old", "a", "b"], ["a", "b"]],
    )


def test_mallory_learns_nothing_from_a_bulk_action(web, make_guest, alice, mallory):
    guest = make_guest(alice, name="secret name")
    for verb in ("power-off", "delete", "tag"):
        answer = bulk(web(mallory), verb, [guest], confirmed="1", tags="x")
        assert texts(answer, "li.is-bad b") == ["A guest that is not there"]
        assert b"secret name" not in answer.content
    assert b"secret name" not in bulk(web(mallory), "delete", [guest]).content
    guest.refresh_from_db()
    assert (guest.state, guest.tags) == ("running", [])


def test_too_many_none_or_an_unknown_verb_are_refused(web, alice):
    client = web(alice)
    assert bulk(client, "start", []).status_code == 409
    many = client.post(reverse("guest-bulk"), {"verb": "start", "id": map(str, range(201))})
    assert many.status_code == 409
    assert bulk(client, "format-disk", []).status_code == 404


def test_index_of_the_page_names_every_guest_that_matches(web, row_of, alice):
    guests = {str(row_of(alice, name=f"{n}", tags=["x"]).pk) for n in range(3)}
    row_of(alice, name="other")
    page = tree(web(alice).get("/?q=tag:x"))
    assert set(json.loads(page.get_element_by_id("guest-index").text)) == guests
