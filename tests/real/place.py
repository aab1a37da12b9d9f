"""A host row with pools of a test's own on the real libvirtd, one of them as small as wanted."""

from __future__ import annotations

import hashlib
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import vms.worker.jobs  # noqa: F401 - registers the runner
from tests.real.conftest import POOL_ROOT
from vms.hypervisor import domains, storage
from vms.hypervisor.storage_types import PoolKind, PoolSpec
from vms.hypervisor.types import Accelerator, DiskSpec, Verb, VmMetadata, VmSpec
from vms.models import VM, Host, Job, Pool, Volume
from vms.policy import Person
from vms.services import hosts, jobs, pools, survey, sync, volumes
from vms.services.volumes import NewVolume

MIB = 1 << 20
SMALL = 64 * MIB


class Place:
    """A host row with pools of this test's own, and short ways to ask for things."""

    def __init__(self, row: Host, admin, prefix: str, capture) -> None:
        self.row, self.actor, self.prefix, self._capture = row, Person(admin), prefix, capture
        self.link = hosts.connection(row)

    def pool(self, name: str, **more: object) -> Pool:
        """Make a pool of that name; a folder unless told otherwise."""
        full = f"{self.prefix}{name}"
        values = {"path": str(POOL_ROOT / full), "kind": PoolKind.DIR} | more
        spec = PoolSpec(name=full, **values)  # type: ignore[arg-type] # tests know the fields
        return pools.create(actor=self.actor, host_id=self.row.pk, spec=spec)

    def volume(self, pool: Pool, name: str = "disk.qcow2", size: int = 256 * MIB) -> Volume:
        """Make a qcow2 or raw volume, by its name."""
        format = name.rsplit(".", 1)[-1].replace("img", "raw")
        job = self.run(
            lambda: volumes.create(
                actor=self.actor, pool_id=pool.pk, new=NewVolume(name, format, size)
            )
        )
        assert job.state == "succeeded", (job.error_code, job.error_params)
        return Volume.objects.get(pool=pool, name=name)

    def run(self, ask: Callable[[], Job]) -> Job:
        """Ask for a job and let it run to its end."""
        with self._capture(execute=True):
            job = ask()
        job.refresh_from_db()
        return job

    def guest(self, owner, *paths: str, is_started: bool = True, **more: object) -> VM:
        """Define a guest on those disks; it sits in its firmware, or runs what is on them."""
        pk = str(uuid.uuid4())
        spec = VmSpec(
            pk,
            f"{self.prefix}{pk[:6]}",
            1,
            64,
            Accelerator.QEMU,
            tuple(DiskSpec(path, "raw" if path.startswith("/dev/") else "qcow2") for path in paths),
            (),
            VmMetadata(),
        )
        record = domains.define(self.link, spec)
        if is_started:
            domains.power(self.link, pk, Verb.START)
            record = domains.get(self.link, pk)
        sync.observe_domain(self.row, record)
        VM.objects.filter(domain_uuid=pk).update(owner=owner)
        return VM.objects.get(domain_uuid=pk)

    def names(self, pool: Pool) -> list[str]:
        """The volumes that the host has in the pool now."""
        return [one.name for one in storage.list_volumes(self.link, pool.name, refresh=True)]

    def settled(self, job: Job) -> bool:
        """Clean up as the worker does every few seconds; True when nothing is left to."""
        jobs.clean_up_ended()
        job.refresh_from_db()
        return not job.undo


def fill(volume: Volume, size: int = 200 * MIB) -> str:
    """Write data into a volume as a guest would; returns its checksum."""
    subprocess.run(
        ["qemu-io", "-f", volume.format, "-c", f"write -P 65 0 {size}", volume.path],
        check=True,
        capture_output=True,
    )
    return digest(volume)


def digest(volume: Volume) -> str:
    return hashlib.sha256(Path(volume.path).read_bytes()).hexdigest()


def packed(place: Place, pool: Pool, name: str = "packed.qcow2") -> Volume:
    """A volume of a few KiB that unpacks to 200 MiB: what it takes shows only while copying."""
    raw = Path(pool.path) / "raw"
    subprocess.run(["truncate", "-s", f"{256 * MIB}", str(raw)], check=True)
    subprocess.run(
        ["qemu-io", "-f", "raw", "-c", f"write -P 65 0 {200 * MIB}", str(raw)],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        ["qemu-img", "convert", "-c", "-O", "qcow2", str(raw), str(Path(pool.path) / name)],
        check=True,
    )
    raw.unlink()
    survey.pool(place.row, pool.name)
    return Volume.objects.get(pool=pool, name=name)
