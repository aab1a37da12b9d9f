"""The seed: what a guest reads from it, and that no value breaks out of its place."""

from __future__ import annotations

import io
import re
import subprocess

import pycdlib
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vms.hypervisor.cloudinit import (
    SEED_BYTES,
    Seed,
    hash_password,
    hostname,
    seed_iso,
    user_document,
)
from vms.hypervisor.errors import Unsupported

ODD = "ä <b>&\"' # %: [x]\n- y"


def files_of(iso: bytes) -> dict[str, str]:
    image = pycdlib.PyCdlib()
    image.open_fp(io.BytesIO(iso))
    try:
        assert image.pvd.volume_identifier.strip() == b"cidata"
        found = {}
        for view in ("rr_path", "joliet_path"):
            for name in ("meta-data", "user-data", "network-config"):
                data = io.BytesIO()
                image.get_file_from_iso_fp(data, **{view: f"/{name}"})
                text = data.getvalue().decode()
                assert found.setdefault(name, text) == text
        return found
    finally:
        image.close()


def test_a_user_with_password_and_keys() -> None:
    keys = ("ssh-ed25519 AAAA alice@home", f"ssh-rsa BBBB {ODD}")
    files = files_of(seed_iso(Seed("i-1", "web-1", "alice", "$6$salt$hash", keys)))
    assert yaml.safe_load(files["meta-data"]) == {
        "instance-id": "i-1",
        "local-hostname": "web-1",
        "public-keys": list(keys),
    }
    assert files["user-data"].startswith("#cloud-config\n")
    config = yaml.safe_load(files["user-data"])
    (user,) = config["users"]
    assert user["name"] == "alice"
    assert user["passwd"] == "$6$salt$hash"
    assert user["lock_passwd"] is False
    assert user["sudo"] == "ALL=(ALL) NOPASSWD:ALL"
    assert user["groups"] == ["sudo"]
    assert user["ssh_authorized_keys"] == list(keys)
    assert config["ssh_pwauth"] is True
    assert config["hostname"] == "web-1"
    network = yaml.safe_load(files["network-config"])
    assert network["version"] == 2
    assert all(nic["dhcp4"] is True for nic in network["ethernets"].values())


def test_every_seed_is_as_large_as_the_others_so_that_it_can_be_written_over() -> None:
    large = Seed("i", "h", extra={"write_files": [{"content": "x" * 60_000}]})
    assert len(seed_iso(Seed("i", "h"))) == len(seed_iso(large)) == SEED_BYTES
    with pytest.raises(Unsupported):
        seed_iso(Seed("i", "h", extra={"x": "y" * SEED_BYTES}))


def test_a_name_in_a_domain_is_told_as_such() -> None:
    config = yaml.safe_load(user_document(Seed("i", "web.example.org")))
    assert (config["hostname"], config["fqdn"]) == ("web", "web.example.org")


def test_a_user_without_a_password_is_locked() -> None:
    config = yaml.safe_load(files_of(seed_iso(Seed("i", "h", "bob", "", ("k",))))["user-data"])
    assert config["users"][0]["lock_passwd"] is True
    assert "passwd" not in config["users"][0]
    assert config["ssh_pwauth"] is False


def test_without_a_user_the_image_keeps_its_own() -> None:
    config = yaml.safe_load(files_of(seed_iso(Seed("i", "h", ssh_keys=("k",))))["user-data"])
    assert "users" not in config
    assert config["ssh_authorized_keys"] == ["k"]


@pytest.mark.parametrize("value", [ODD, "yes", "1e3", "null", "!!python/object", "a: b", "'"])
def test_no_value_breaks_out_of_its_place(value: str) -> None:
    files = files_of(seed_iso(Seed(value, value, value, value, (value,))))
    assert yaml.safe_load(files["meta-data"])["instance-id"] == value
    (user,) = yaml.safe_load(files["user-data"])["users"]
    assert (user["name"], user["passwd"]) == (value, value)
    assert user["ssh_authorized_keys"] == [value]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Web 1", "web-1"),
        ("Bücher & Co.", "bucher-co"),
        ("--x--", "x"),
        ("日本", "guest"),
        ("", "guest"),
        ("a" * 80, "a" * 63),
        ("a" * 62 + " b", "a" * 62),
    ],
)
def test_a_host_name_is_made_of_any_name(name: str, expected: str) -> None:
    assert hostname(name) == expected


@given(st.text())
def test_a_host_name_is_always_valid(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", hostname(name))


def test_a_password_hash_is_what_openssl_makes_of_it() -> None:
    password = "pä ss'word"
    hashed = hash_password(password)
    salt = hashed.split("$")[2]
    made = subprocess.run(
        ["openssl", "passwd", "-6", "-salt", salt, "-stdin"],
        input=password,
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.strip() == hashed
    assert hash_password(password) != hashed
