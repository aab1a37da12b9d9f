"""The NoCloud seed of a new guest: its name, its user and how he gets in."""

from __future__ import annotations

import ctypes
import io
import re
import secrets
import threading
import unicodedata
from dataclasses import dataclass

import pycdlib
import yaml

from .errors import Unsupported

LABEL = "cidata"
SALT_SIGNS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SALT_LENGTH = 16
HOSTNAME_MAX = 63
_crypt_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Seed:
    """What a guest is told at its first boot. Without a `user` the image keeps its own."""

    instance_id: str
    hostname: str
    user: str = ""
    password_hash: str = ""
    ssh_keys: tuple[str, ...] = ()


def seed_iso(seed: Seed) -> bytes:
    """Return an ISO image labelled cidata with meta-data, user-data and network-config."""
    files = {
        "meta-data": _yaml({"instance-id": seed.instance_id, "local-hostname": seed.hostname}),
        "user-data": "#cloud-config\n" + _yaml(user_data(seed)),
        "network-config": _yaml(network_config()),
    }
    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, vol_ident=LABEL, joliet=3, rock_ridge="1.09")
    for number, (name, text) in enumerate(files.items()):
        data = text.encode()
        image.add_fp(
            io.BytesIO(data),
            len(data),
            f"/FILE{number}.;1",
            rr_name=name,
            joliet_path=f"/{name}",
        )
    written = io.BytesIO()
    image.write_fp(written)
    image.close()
    return written.getvalue()


def user_data(seed: Seed) -> dict[str, object]:
    """Return the cloud-config document as a value."""
    config: dict[str, object] = {
        "hostname": seed.hostname,
        "manage_etc_hosts": True,
        "ssh_pwauth": bool(seed.password_hash),
    }
    if not seed.user:
        if seed.ssh_keys:
            config["ssh_authorized_keys"] = list(seed.ssh_keys)
        return config
    user: dict[str, object] = {
        "name": seed.user,
        "groups": ["sudo"],
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "shell": "/bin/bash",
        "lock_passwd": not seed.password_hash,
    }
    if seed.password_hash:
        user["passwd"] = seed.password_hash
    if seed.ssh_keys:
        user["ssh_authorized_keys"] = list(seed.ssh_keys)
    config["users"] = [user]
    return config


def network_config() -> dict[str, object]:
    """Return a network document (version 2) that asks for DHCP on every Ethernet interface."""
    return {
        "version": 2,
        "ethernets": {"all": {"match": {"name": "e*"}, "dhcp4": True}},
    }


def hostname(name: str) -> str:
    """Return a host name (RFC 1123) made from any VM name, "guest" if nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    label = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return label[:HOSTNAME_MAX].rstrip("-") or "guest"


def hash_password(text: str) -> str:
    """Return the SHA-512 crypt of a password, "$6$...", as /etc/shadow takes it.

    Made by the C library's crypt(3): Python 3.13 has no crypt module, and nothing of the password
    appears in any process's arguments. Raises Unsupported("password") where the library is missing.
    """
    salt = "".join(secrets.choice(SALT_SIGNS) for _ in range(SALT_LENGTH))
    with _crypt_lock:  # crypt(3) answers in a buffer that all threads share
        hashed = _crypt()(text.encode(), f"$6${salt}$".encode())
    if not hashed or not hashed.startswith(b"$6$"):
        raise Unsupported(what="password")
    return str(hashed.decode())


def _crypt() -> ctypes._NamedFuncPointer:
    try:
        function = ctypes.CDLL("libcrypt.so.1").crypt
    except (OSError, AttributeError) as error:
        raise Unsupported(what="password") from error
    function.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    function.restype = ctypes.c_char_p
    return function


def _yaml(document: dict[str, object]) -> str:
    """Return YAML with one value per line: small guests read it without a YAML parser."""
    return yaml.safe_dump(
        document, sort_keys=False, allow_unicode=True, default_flow_style=False, width=10**6
    )
