"""Unpacking: byte for byte, sparse, bounded."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import tarfile
from pathlib import Path

import pytest
import zstandard

from tests.imaging.conftest import MIB
from vms.imaging import unpack
from vms.imaging.formats import Packing
from vms.problems import Problem

PACK = {
    Packing.GZ: gzip.compress,
    Packing.XZ: lambda data: lzma.compress(data, preset=0),
    Packing.ZST: zstandard.ZstdCompressor().compress,
}
DATA = os.urandom(MIB + 1) + bytes(8 * MIB) + b"the end" + bytes(5 * MIB)


def run(folder: Path, data: bytes, packing: Packing, *, limit: int = 1 << 30) -> Path:
    source, target = folder / "source", folder / "target"
    source.write_bytes(data)
    unpack.unpack(source, target, packing, limit_bytes=limit, progress=lambda _done: None)
    return target


@pytest.mark.parametrize("packing", PACK)
def test_what_comes_out_is_what_went_in_with_holes_for_zeros(folder, packing):
    target = run(folder, PACK[packing](DATA), packing)
    assert target.read_bytes() == DATA
    assert target.stat().st_blocks * 512 < 6 * MIB


@pytest.mark.parametrize("packing", PACK)
def test_two_streams_one_after_the_other_are_one_file(folder, packing):
    packed = PACK[packing](b"first") + PACK[packing](b"second")
    assert run(folder, packed, packing).read_bytes() == b"firstsecond"


@pytest.mark.parametrize("packing", PACK)
def test_a_bomb_ends_at_the_limit(folder, packing):
    with pytest.raises(Problem) as caught:
        run(folder, PACK[packing](bytes(24 * MIB)), packing, limit=8 * MIB)
    assert caught.value.code == "image-too-large"
    assert (folder / "target").stat().st_size <= 8 * MIB


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_what_was_cut_short_is_refused(folder, packing, keep):
    packed = PACK[packing](DATA)
    with pytest.raises(Problem) as caught:
        run(folder, packed[: int(len(packed) * keep)], packing)
    assert caught.value.code == "image-damaged"


@pytest.mark.parametrize("packing", PACK)
def test_what_is_not_packed_so_is_refused(folder, packing):
    with pytest.raises(Problem):
        run(folder, b"nothing of the kind" * 1000, packing)


def ova(*, disks: int, ovf: bytes | None = None, name: str = "d{}.vmdk") -> bytes:
    out = io.BytesIO()
    names = [name.format(index) for index in range(disks)]
    files = "".join(f"<File ovf:id='f{i}' ovf:href='{each}'/>" for i, each in enumerate(names))
    uses = "".join(f"<Disk ovf:fileRef='f{i}'/>" for i in range(disks))
    text = (
        ovf
        or (
            "<Envelope xmlns='http://schemas.dmtf.org/ovf/envelope/1' "
            "xmlns:ovf='http://schemas.dmtf.org/ovf/envelope/1'>"
            f"<References>{files}</References><DiskSection>{uses}</DiskSection></Envelope>"
        ).encode()
    )
    with tarfile.open(fileobj=out, mode="w") as archive:
        for each, data in {"box.ovf": text, **{n: n.encode() * 1000 for n in names}}.items():
            member = tarfile.TarInfo(each)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def extract(folder: Path, data: bytes) -> Path:
    source, target = folder / "box.ova", folder / "disk"
    source.write_bytes(data)
    unpack.extract_disk(source, target, limit_bytes=1 << 30, progress=lambda _done: None)
    return target


def test_the_one_disk_of_an_ova_is_taken_whatever_it_is_called(folder):
    made = extract(folder, ova(disks=1, name="../../etc/d{}.vmdk"))
    assert made.read_bytes() == b"../../etc/d0.vmdk" * 1000
    assert sorted(path.name for path in folder.iterdir()) == ["box.ova", "disk"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (ova(disks=2), "ova-several-disks"),
        (ova(disks=0), "ova-no-disk"),
        (ova(disks=1, ovf=b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;"), "image-damaged"),
        (b"no archive" * 100, "image-damaged"),
        (ova(disks=1)[:2000], "image-damaged"),
    ],
)
def test_an_ova_that_is_not_one_disk_is_refused(folder, data, code):
    with pytest.raises(Problem) as caught:
        extract(folder, data)
    assert caught.value.code in {code, "ova-no-disk"}
