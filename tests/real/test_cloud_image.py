"""A real Debian cloud image, told everything by cloud-init, and asked over SSH what it heard."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.debianimage import answers, debian_image, key_pair
from tests.support.site import wait_until
from vms.hypervisor import domains, registry, storage
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.images import qemu_img_info
from vms.hypervisor.types import NetworkInfo, PoolInfo
from vms.models import Host, Template
from vms.policy import Person, SystemActor
from vms.services import machines, seeds, survey, templates
from vms.services.cloud import AddressWish, CloudWish

SEED = (
    "sudo dd if=/dev/vdb iflag=direct bs=1M count=1 status=none | "
    "grep -aoE '(local-hostname|instance-id|hashed_passwd): [^ ]*'"
)
PASSWORD = "Klartext-9f3a, nowhere to be found"
MORE = """\
#cloud-config
write_files:
- path: /etc/told
  content: told by YAML
ssh_deletekeys: false
"""


@pytest.fixture
def qemu(db: None, real_host: HostConnection) -> Iterator[Host]:
    """This machine as a row, as surveyed."""
    row = Host.objects.create(name="here", uri=real_host.uri)
    survey.everything(row)
    yield row
    registry.forget(str(row.pk))


@pytest.fixture
def debian(
    qemu: Host,
    real_host: HostConnection,
    real_pool: PoolInfo,
    real_network: NetworkInfo,
) -> Template:
    """A template of the image, with an interface in this run's own network."""
    path = debian_image()
    size = qemu_img_info(path).virtual_size_bytes
    storage.upload_file(
        real_host,
        pool=real_pool.name,
        name="debian.qcow2",
        format="qcow2",
        path=path,
        capacity_bytes=size,
    )
    survey.everything(qemu)
    image = qemu.pools.get(name=real_pool.name).volumes.get(name="debian.qcow2")
    defaults = templates.TemplateDefaults(
        name="Debian 12", vcpus=1, memory_mib=640, network_name=real_network.name
    )
    return templates.create(actor=SystemActor(), image_id=image.pk, defaults=defaults)


def ssh(key: Path, address: str, command: str) -> str:
    options = [
        "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "StrictHostKeyChecking=accept-new",
        "-o", f"UserKnownHostsFile={key.parent / 'known'}",
    ]  # fmt: skip
    done = subprocess.run(
        ["ssh", *options, "-i", str(key), f"anna@{address}", command],
        capture_output=True,
        text=True,
        errors="replace",  # a disk is read, too
        timeout=120,
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""


@pytest.mark.timeout(900)
def test_a_debian_guest_is_what_it_was_told_to_be(
    debian, alice, real_host, real_network, real_prefix, real_cleanup, tmp_path, capfd,
    django_capture_on_commit_callbacks,
):  # fmt: skip
    import vms.worker.jobs  # noqa: F401 - registers the runner

    gateway = network_address(real_host, real_network.name)
    address = gateway.rpartition(".")[0] + ".7"
    (first, first_line), (_second, second_line) = (key_pair(tmp_path, n) for n in ("one", "two"))
    wanted = machines.CreateRequest(
        template_id=debian.pk,
        name=f"{real_prefix}Wärter 1",
        user="anna",
        password=PASSWORD,
        ssh_keys=(first_line, second_line),
        hostname="waerter.example.org",
        timezone="Asia/Tokyo",
        addresses=(AddressWish((f"{address}/24",), (gateway,), ("192.0.2.53",)),),
        user_data=MORE,
    )
    with django_capture_on_commit_callbacks(execute=True):
        vm, job = machines.create(actor=Person(alice), request=wanted)
    real_cleanup(str(vm.pk))
    job.refresh_from_db()
    assert job.state == "succeeded", job.error_params

    wait_until(lambda: answers(address), limit_s=500, what="sshd of the guest")
    heard = wait_until(
        lambda: ssh(
            first,
            address,
            "test -e /var/lib/cloud/instance/boot-finished && "
            "hostname -f && id -un && cat .ssh/authorized_keys && "
            "readlink /etc/localtime && ip -4 -brief address && cat /etc/told && "
            "sudo grep ^anna: /etc/shadow && ip route",
        ),
        limit_s=200,
        what="a login with the key, and the end of cloud-init",
    )
    lines = heard.splitlines()
    assert lines[:2] == ["waerter.example.org", "anna"]
    assert first_line in lines
    assert second_line in lines
    assert "Asia/Tokyo" in heard
    assert f"{address}/24" in heard
    assert f"default via {gateway}" in heard
    assert "told by YAML" in heard
    assert "anna:$6$" in heard

    # Nothing of it is anywhere in clear text.
    xml = domains.get(real_host, str(vm.pk)).xml
    for place in (xml, all_commands(), everything_kept(), *capfd.readouterr()):
        assert PASSWORD not in place

    # What is changed now the running guest sees on its disk, and reads at its next boot.
    changed = CloudWish(user="anna", ssh_keys=(first_line,), hostname="renamed")
    seeds.save(actor=Person(alice), vm_id=vm.pk, wish=changed)
    seen = ssh(first, address, SEED)
    assert "local-hostname: renamed" in seen
    assert f"instance-id: {vm.pk}-2" in seen
    assert "hashed_passwd: $6$" in seen


def network_address(host: HostConnection, name: str) -> str:
    """The address that the host has in the network."""
    from vms.hypervisor.connection import Lane
    from vms.hypervisor.xml.tree import attribute, read

    xml = host.call(Lane.VERBS, lambda conn: conn.networkLookupByName(name).XMLDesc(0))
    return attribute(read(xml), "ip", "address")


def all_commands() -> str:
    """The arguments of every process of this machine, QEMU's among them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            found.append(path.read_bytes())
    return b" ".join(found).decode(errors="replace")


def everything_kept() -> str:
    from django.apps import apps

    return str([list(model.objects.values()) for model in apps.get_models()])
