"""The NoCloud seed of a new guest: its name, its user and how he gets in."""

from __future__ import annotations

import ctypes
import io
import re
import secrets
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pycdlib
import yaml

from .errors import Unsupported

LABEL = "cidata"
SALT_SIGNS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SALT_LENGTH = 16
HOSTNAME_MAX = 63
SEED_BYTES = 1 << 20
_crypt_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class NicAddress:
    """How a network interface gets its addresses: by DHCP unless it has some."""

    mac: str
    addresses: tuple[str, ...] = ()
    """With their prefix lengths: 192.0.2.7/24."""
    gateways: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seed:
    """What a guest is told at its first boot. Without a `user` the image keeps its own."""

    instance_id: str
    hostname: str
    """One label, or several with dots for a name in a domain."""
    user: str = ""
    password_hash: str = field(default="", repr=False)
    ssh_keys: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    timezone: str = ""
    locale: str = ""
    nics: tuple[NicAddress, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)
    """More cloud-config; each of its keys takes the place of ours."""
    is_windows: bool = False
    """Read by cloudbase-init, which takes a password as clear text, and its groups for Windows'."""


def seed_iso(seed: Seed) -> bytes:
    """Return an ISO image labelled cidata with meta-data, user-data and network-config.

    Its size is always the same, so that it can be written over the one before.
    """
    files = {
        "meta-data": _yaml(meta_data(seed)),
        "user-data": user_document(seed),
        "network-config": _yaml(network_config(seed.nics)),
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
    data = written.getvalue()
    if len(data) > SEED_BYTES:
        raise Unsupported(what="seed-size")
    return data.ljust(SEED_BYTES, b"\0")


def meta_data(seed: Seed) -> dict[str, object]:
    """Return the document by which the guest knows who it is. Windows takes its keys from here."""
    document: dict[str, object] = {
        "instance-id": seed.instance_id,
        "local-hostname": seed.hostname,
    }
    if seed.ssh_keys:
        document["public-keys"] = list(seed.ssh_keys)
    return document


def user_document(seed: Seed) -> str:
    """Return the cloud-config as the guest reads it."""
    return "#cloud-config\n" + _yaml({**user_data(seed), **seed.extra})


def user_data(seed: Seed) -> dict[str, object]:
    """Return the cloud-config document as a value."""
    label = seed.hostname.partition(".")[0]
    config: dict[str, object] = {"hostname": label}
    if label != seed.hostname:
        config["fqdn"] = seed.hostname
    config |= {"manage_etc_hosts": True, "ssh_pwauth": bool(seed.password_hash)}
    if seed.timezone:
        config["timezone"] = seed.timezone
    if seed.locale:
        config["locale"] = seed.locale
    if seed.packages:
        config |= {"package_update": True, "packages": list(seed.packages)}
    if not seed.user:
        if seed.ssh_keys:
            config["ssh_authorized_keys"] = list(seed.ssh_keys)
        return config
    config["users"] = [_account(seed)]
    return config


def _account(seed: Seed) -> dict[str, object]:
    user: dict[str, object] = {"name": seed.user}
    if seed.is_windows:
        user["groups"] = ["Administrators"]
    else:
        user |= {
            "groups": ["sudo"],
            "sudo": "ALL=(ALL) NOPASSWD:ALL",
            "shell": "/bin/bash",
            "lock_passwd": not seed.password_hash,
        }
        if seed.password_hash:
            # The first for an account that is made, the second for one that is there already.
            user |= {"passwd": seed.password_hash, "hashed_passwd": seed.password_hash}
    if seed.ssh_keys:
        user["ssh_authorized_keys"] = list(seed.ssh_keys)
    return user


def network_config(nics: Sequence[NicAddress] = ()) -> dict[str, object]:
    """Return a network document (version 2). Without fixed addresses it names no MAC, and so asks
    for DHCP on whatever Ethernet interface the guest has.
    """
    if not any(nic.addresses for nic in nics):
        everyone = {"match": {"name": "e*"}, "dhcp4": True}
        return {"version": 2, "ethernets": {"all": everyone}}
    parts = {f"nic{number}": _ethernet(nic) for number, nic in enumerate(nics)}
    return {"version": 2, "ethernets": parts}


def _ethernet(nic: NicAddress) -> dict[str, object]:
    part: dict[str, object] = {"match": {"macaddress": nic.mac}}
    if not nic.addresses:
        return {**part, "dhcp4": True}
    part["addresses"] = list(nic.addresses)
    if nic.gateways:
        part["routes"] = [
            {"to": "::/0" if ":" in gateway else "0.0.0.0/0", "via": gateway}
            for gateway in nic.gateways
        ]
    if nic.nameservers:
        part["nameservers"] = {"addresses": list(nic.nameservers)}
    return part


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
