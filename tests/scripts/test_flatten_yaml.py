"""What Tiny Linux reads of a seed is what PyYAML wrote into it, with busybox's awk."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
FLATTEN = ROOT / "script/lib/tiny-linux/bin/flatten-yaml"

# One line of text without spaces at its ends, which a plain YAML scalar cannot keep either.
WORDS = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=200
).filter(lambda text: text == " ".join(text.split()))


def flattened(document: str) -> list[str]:
    """Lines that the guest's program prints for a document."""
    done = subprocess.run(
        ["busybox", "awk", "-f", str(FLATTEN)],
        input=document.encode(),
        capture_output=True,
        check=True,
        timeout=20,
    )
    return done.stdout.decode().splitlines()


def expected(value: object, path: str = "") -> Iterator[str]:
    """Lines that ought to come out for a value, in the order in which PyYAML writes them."""
    if isinstance(value, dict):
        for key in sorted(value):
            yield from expected(value[key], f"{path}/{key}" if path else key)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from expected(entry, f"{path}/{number}")
    else:
        yield f"{path}\t{value}"


@settings(max_examples=60, deadline=None)
@given(hostname=WORDS, name=WORDS, keys=st.lists(WORDS, min_size=1, max_size=3), other=WORDS)
def test_every_value_of_a_seed_arrives_unchanged(
    hostname: str, name: str, keys: list[str], other: str
) -> None:
    document = {
        "hostname": hostname,
        "ssh_authorized_keys": keys,
        "users": [
            {"name": name, "groups": ["sudo"], "ssh_authorized_keys": [*keys], "gecos": other},
            {"name": other},
        ],
        "x": {"y": {"z": other}},
    }
    text = "#cloud-config\n" + yaml.safe_dump(document)
    assert flattened(text) == list(expected(document)), text


def test_hand_written_documents_are_read_too() -> None:
    text = (
        "#cloud-config\r\n"
        "hostname:   web-1   # the name\n"
        "\n"
        "users:\n"
        "    -   name: 'o''brien'\n"
        "        ssh_authorized_keys:\n"
        "            - ssh-rsa AAAA\n"
        "                me@here\n"
        '            - "ssh-ed25519 \\\n'
        '              BBBB \\u00e4"\n'
        "ssh_pwauth: true\n"
        "...\n"
    )
    assert flattened(text) == [
        "hostname\tweb-1",
        "users/0/name\to'brien",
        "users/0/ssh_authorized_keys/0\tssh-rsa AAAA me@here",
        "users/0/ssh_authorized_keys/1\tssh-ed25519 BBBB ä",
        "ssh_pwauth\ttrue",
    ]
