"""Names of guests and logins: what is taken, what is refused and why."""

from __future__ import annotations

import pytest

from vms.services import names


@pytest.mark.parametrize(
    "name",
    [
        *("web", "a#b %.1", "Übung <b>", 'O\'Brien "x"', "日本語", "a.b-c_d", "100%", "x" * 100),
        *(
            "\u05e9\u05dc\u05d5\u05dd",
            "a\u200bb",
            "\u0645\u06cc\u200c\u062e",
            "\U0001f468\u200d\U0001f469",
        ),
    ],
)
def test_any_letters_spaces_and_signs_are_taken(name):
    assert names.name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name-blank"),
        ("   ", "name-blank"),
        ("\u200b\u2060", "name-blank"),
        ("\ufeff", "name-blank"),
        ("\u3164", "name-blank"),
        ("a\u202egpj", "name-control"),
        ("\u2066a", "name-control"),
        ("a/b", "name-slash"),
        (".", "name-dots"),
        ("..", "name-dots"),
        ("a\nb", "name-control"),
        ("a\x00b", "name-control"),
        ("a\x1bb", "name-control"),
        (" a", "name-edges"),
        ("x" * 101, "name-too-long"),
        ("日" * 80, "name-too-long"),
    ],
)
def test_what_libvirt_cannot_take_is_refused_with_the_rule(name, code):
    problem = names.name_problem(name)
    assert problem is not None
    assert problem.code == code


@pytest.mark.parametrize(("letter", "limit"), [("x", 100), ("é", 100), ("日", 66), ("😀", 50)])
def test_a_name_that_is_too_long_is_refused_with_the_length_that_fits(letter, limit):
    assert names.name_problem(letter * limit) is None
    problem = names.name_problem(letter * (limit + 1))
    assert problem is not None
    assert (problem.code, problem.params["limit"]) == ("name-too-long", limit)


def test_candidates_stay_within_the_length():
    found = list(names.candidates("x" * 100))
    assert len(found) == 99
    assert all(names.name_problem(name) is None for name in found)
    assert len(set(found)) == 99


@pytest.mark.parametrize("user", ["", "alice", "_svc", "a-b_9"])
def test_logins_that_linux_takes_are_taken(user):
    assert names.user_problem(user) is None


@pytest.mark.parametrize("user", ["Alice", "1a", "a b", "a:b", "a\n", "root", "x" * 33, "a;rm"])
def test_logins_that_linux_does_not_take_are_refused(user):
    assert names.user_problem(user) is not None
