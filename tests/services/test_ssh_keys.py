"""Public SSH keys as people paste them."""

from __future__ import annotations

import base64
import struct

import pytest

from vms.problems import Problem
from vms.services import ssh_keys


def key(kind: str = "ssh-ed25519", comment: str = "me@desk") -> str:
    blob = struct.pack(">I", len(kind)) + kind.encode() + struct.pack(">I", 32) + bytes(32)
    return f"{kind} {base64.b64encode(blob).decode()} {comment}"


def test_several_keys_with_comments_and_empty_lines_are_taken():
    text = f"# mine\n\n{key()}\r\n  {key('ssh-rsa', 'old key')}  \n"
    assert ssh_keys.parse(text) == (key(), key("ssh-rsa", "old key"))


def test_a_key_pasted_twice_is_kept_once():
    assert ssh_keys.parse(f"{key()}\n{key()}") == (key(),)


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "ssh-ed25519",
        "ssh-ed25519 !!!!",
        "ssh-ed25519 QUJD",
        key().replace("ssh-ed25519 ", "ssh-rsa "),
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "ssh-dss AAAAB3NzaC1kc3MAAACBAP1/",
    ],
)
def test_what_is_no_public_key_is_refused_with_its_line(line):
    with pytest.raises(Problem) as caught:
        ssh_keys.parse(f"{key()}\n{line}")
    assert caught.value.code == "ssh-key-rule"
    assert caught.value.params["line"] == 2
