"""A seed as Windows reads it: by the code of cloudbase-init, as far as that runs elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.hypervisor.test_cloudinit import files_of
from vms.hypervisor.cloudinit import NicAddress, Seed, seed_iso

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from cloudbaseinit.metadata.services.nocloudservice import NoCloudConfigDriveService
    from cloudbaseinit.plugins.common.userdataplugins.cloudconfigplugins import factory, users

KEYS = ("ssh-ed25519 AAAA alice@home", "ssh-rsa BBBB second key")
SEED = Seed(
    "i-1",
    "win-1",
    "alice",
    ssh_keys=KEYS,
    timezone="Europe/Berlin",
    nics=(
        NicAddress("52:54:00:00:00:01", ("192.0.2.7/24", "2001:db8::7/64"), ("192.0.2.1",),
                   ("192.0.2.53",)),
        NicAddress("52:54:00:00:00:02"),
    ),
    is_windows=True,
)  # fmt: skip
LONGEST_PASSWORD = 20
"""What Windows takes from cloudbase-init."""


@pytest.fixture
def service(tmp_path) -> Iterator[NoCloudConfigDriveService]:
    """The reader, with the files of the seed where it copies those of a drive to."""
    for name, text in files_of(seed_iso(SEED)).items():
        (tmp_path / name).write_text(text)
    service = NoCloudConfigDriveService()
    service._metadata_path = str(tmp_path)
    yield service
    service._metadata_path = None


class Windows:
    """Takes down what is asked of Windows, and refuses what Windows refuses."""

    def __init__(self, home: Path) -> None:
        self.home, self.made, self.groups = home, {}, []

    def get_maximum_password_length(self) -> int:
        return LONGEST_PASSWORD

    def generate_random_password(self, length: int) -> str:
        return "x" * min(length, LONGEST_PASSWORD)

    def user_exists(self, name: str) -> bool:
        return name in self.made

    def create_user(self, name: str, password: str) -> None:
        self.made[name] = password

    def add_user_to_local_group(self, name: str, group: str) -> None:
        self.groups.append((name, group))

    def create_user_logon_session(self, name: str, password: str) -> str:
        return self.made[name]

    def get_user_home(self, _name: str) -> str:
        return str(self.home)

    def set_user_info(self, *_name: object, **_values: object) -> None: ...

    def close_user_logon_session(self, _token: object) -> None: ...


def test_windows_learns_its_name_its_keys_and_its_addresses(service) -> None:
    assert service.get_instance_id() == "i-1"
    assert service.get_host_name() == "win-1"
    assert service.get_public_keys() == list(KEYS)
    found = service.get_network_details_v2()
    assert [link.mac_address.lower() for link in found.links] == [n.mac for n in SEED.nics]
    first = found.links[0].name
    assert [(net.link, net.address_cidr) for net in found.networks] == [
        (first, "192.0.2.7/24"),
        (first, "2001:db8::7/64"),
    ]
    assert all(net.dns_nameservers == ["192.0.2.53"] for net in found.networks)
    routes = {(route.network_cidr, route.gateway) for route in found.networks[0].routes}
    assert routes == {("0.0.0.0/0", "192.0.2.1")}


def test_windows_makes_the_account_with_its_keys_and_rights(service, tmp_path, monkeypatch) -> None:
    windows = Windows(tmp_path)
    monkeypatch.setattr(users.osutils_factory, "get_os_utils", lambda: windows)
    document = yaml.safe_load(service.get_user_data())
    users.UsersPlugin().process(document["users"])
    assert windows.made.keys() == {"alice"}
    assert windows.groups == [("alice", "Administrators")]
    written = (tmp_path / ".ssh" / "authorized_keys").read_text()
    assert written.splitlines() == list(KEYS)
    assert {"users", "timezone", "hostname"} <= factory.PLUGINS.keys() & document.keys()


def test_a_hash_is_no_password_there_so_it_is_left_out(tmp_path) -> None:
    told = seed_iso(replace(SEED, password_hash="$6$salt$" + "h" * 86))
    assert "$6$" not in files_of(told)["user-data"]
