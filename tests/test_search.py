"""The language of the search box."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms import messages
from vms.search import Subject, matches, parse, quoted, values_of, with_term

WEB = Subject(
    id="1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
    name="Web Front-end ü",
    state="running",
    label="running",
    owner="alice",
    is_mine=True,
    template="Tiny Linux",
    os_name="Debian 12",
    tags=("web", "Prod", "two words"),
    addresses=("192.168.122.31", "fd00::31"),
    macs=("52:54:00:aa:bb:cc",),
)
BARE = Subject(id="0c8d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", name="bare", state="off", label="off")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "front",
        "FRONT Ü",
        '"Web Front-end"',
        "state:running",
        "state:run",
        "state:off,running",
        "STATE:Running",
        "owner:me",
        "owner:Alice",
        "tag:web",
        "tag:PROD",
        "tag:web tag:prod",
        'tag:"two words"',
        "-tag:db",
        "-owner:bob",
        'template:"Tiny Linux"',
        "template:tiny",
        "os:debian",
        "ip:192.168.",
        "ip:fd00",
        "fd00::31",
        "mac:52-54-00",
        "mac:aa:bb",
        "52:54:00:aa",
        "192.168.122.31",
        "uuid:1b9d",
        "1b9d6bcd",
        "name:front state:running tag:web,db",
        'template:"Tiny Lin',
    ],
)
def test_text_finds_the_guest(text):
    search = parse(text)
    assert not search.problems
    assert matches(search, WEB)


@pytest.mark.parametrize(
    "text",
    [
        "back",
        "front back",
        "state:off",
        "-state:running",
        "owner:ali",
        "owner:bob",
        "tag:we",
        "tag:web tag:db",
        "no:tag",
        "no:owner",
        "ip:168",
        "uuid:9d6b",
        "1b9d",
        '"state:running"',
    ],
)
def test_text_does_not_find_the_guest(text):
    search = parse(text)
    assert not search.problems
    assert not matches(search, WEB)


@pytest.mark.parametrize("text", ["no:tag", "no:owner", "no:ip", "no:template", "no:tag,ip"])
def test_what_is_missing_can_be_asked_for(text):
    assert matches(parse(text), BARE)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("foo:bar", "search-field"),
        ("state:flying", "search-choice"),
        ("no:thing", "search-choice"),
        ("tag:", "search-value"),
        ('tag:""', "search-value"),
        ("x" * 501, "search-too-long"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_and_left_out(text, code):
    search = parse(f"{text} front" if len(text) < 500 else text)
    assert [problem.code for problem in search.problems] == [code]
    assert messages.sentence(search.problems[0])
    assert "%(" not in messages.sentence(search.problems[0])
    if len(text) < 500:
        assert matches(search, WEB)


@pytest.mark.parametrize(
    ("text", "field", "value", "wanted"),
    [
        ("", "state", "running", "state:running"),
        ("front state:off", "state", "running", "front state:running"),
        ("front state:off", "state", "", "front"),
        ("a owner:me b", "owner", "no", "a b no:owner"),
        ("no:owner", "owner", "alice", "owner:alice"),
        ("", "tag", "two words", 'tag:"two words"'),
        ('"open', "state", "off", '"open" state:off'),
    ],
)
def test_chips_change_one_term_and_keep_the_others(text, field, value, wanted):
    assert with_term(text, field, value) == wanted


def test_values_of_a_field_are_those_that_are_asked_for():
    assert values_of("tag:a,B -tag:c state:off", "tag") == ("a", "b")


@given(st.text(max_size=60))
def test_any_text_can_be_read(text):
    search = parse(text)
    matches(search, WEB)
    for problem in search.problems:
        assert messages.sentence(problem)


@given(
    st.text(
        st.characters(exclude_characters='"', exclude_categories=["Cc", "Cs", "Z"]),
        min_size=1,
        max_size=32,
    )
)
def test_a_quoted_value_is_read_back_as_one(value):
    assert values_of(f"tag:{quoted(value)}", "tag") == (value.casefold(),)
