"""Cloud-config as people write it: every fault with its line, and no password in clear text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.hypervisor.clouddoc import MAX_BYTES, faults, read
from vms.hypervisor.cloudinit import hash_password

HASH = "$6$0123456789abcdef$" + "x" * 86


def found(text: str) -> list[tuple[str, int]]:
    return [(fault.code, fault.line) for fault in faults(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("#cloud-config\n", []),
        ("#cloud-config\npackages: [htop]\n", []),
        ("packages: [htop\nruncmd: []", [("yaml-syntax", 2)]),
        ("a: 1\nb: 'open\n", [("yaml-syntax", 3)]),
        ("a: 1\n\tb: 2", [("yaml-syntax", 2)]),
        ("a: !!python/object/apply:os.system ['id']", [("yaml-syntax", 1)]),
        ("a: 1\nb: \x07", [("yaml-syntax", 2)]),
        ("- just\n- a list", [("yaml-no-mapping", 1)]),
        ("a: 1\nb: 2\na: 3", [("yaml-twice", 3)]),
        ("users:\n- name: a\n  name: b", [("yaml-twice", 3)]),
        ("#!/bin/sh\nid", [("yaml-other-kind", 1)]),
        ("a: 2001-99-99", [("yaml-unusable", 1)]),
        ("{[1]: 2}", [("yaml-syntax", 1)]),
    ],
)
def test_each_fault_is_told_with_its_line(text: str, expected: list[tuple[str, int]]) -> None:
    assert found(text) == expected


def test_the_size_depth_and_number_of_things_are_limited() -> None:
    assert found("a: " + "x" * MAX_BYTES) == [("yaml-too-large", 1)]
    assert found("a: " + "[" * 20_000) in ([("yaml-unusable", 1)], [("yaml-syntax", 1)])
    assert found("a: [" + "1," * 25_000 + "]") == [("yaml-unusable", 1)]


def test_aliases_of_aliases_cost_nothing() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert found("\n".join(lines)) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("password: geheim", 1),
        ("a: 1\npassword: geheim", 2),
        ("users:\n- name: me\n  plain_text_passwd: geheim", 3),
        ("users:\n- name: me\n  passwd: geheim", 3),
        ("users:\n- name: me\n  hashed_passwd: '12345'", 3),
        ("chpasswd:\n  users:\n  - {name: a, password: geheim, type: text}", 3),
        ("chpasswd:\n  list: |\n    root:RANDOM\n    me:geheim", 4),
        ("chpasswd:\n  list:\n  - me:geheim", 3),
        ("rh_subscription:\n  username: a\n  password: geheim", 3),
        ("x: &p\n  password: geheim\ny: *p", 2),
    ],
)
def test_a_password_in_clear_text_is_refused_at_its_line(text: str, line: int) -> None:
    assert found(text) == [("yaml-clear-password", line)]
    assert not any("geheim" in str(fault) for fault in faults(text))


@pytest.mark.parametrize(
    "text",
    [
        f"password: {HASH}",
        "password: R",
        "ssh_pwauth: true\nlock_passwd: false",
        f"users:\n- name: me\n  passwd: {HASH}",
        f"chpasswd:\n  expire: false\n  list: |\n    me:{HASH}\n    root:RANDOM",
        "users:\n- name: me\n  passwd:",
    ],
)
def test_a_hash_or_none_is_taken(text: str) -> None:
    assert found(text) == []


def test_the_hash_that_we_make_is_taken() -> None:
    assert found(f"password: {hash_password('correct horse')}") == []


@given(st.text(max_size=200))
def test_whatever_is_typed_is_judged_and_never_raises(text: str) -> None:
    if not faults(text):
        assert isinstance(read(text), dict)
