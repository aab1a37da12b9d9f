"""What a stranger's image may not be: each refusal has its reason."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest

from tests.imaging.conftest import MIB, make_iso
from vms.hypervisor import images
from vms.hypervisor.errors import OperationFailed
from vms.imaging import headers
from vms.imaging.formats import Format, Packing, declared
from vms.imaging.inspection import inspect
from vms.problems import Problem


def code(path: Path, expected: Format | None) -> str:
    with pytest.raises(Problem) as caught:
        inspect(path, expected)
    return caught.value.code


def patch(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


@pytest.mark.parametrize(
    ("name", "format", "packing"),
    [
        ("debian.ISO", Format.ISO, Packing.NONE),
        ("a.b.qcow2.xz", Format.QCOW2, Packing.XZ),
        ("disk.raw.gz", Format.RAW, Packing.GZ),
        ("noble.img", None, Packing.NONE),
        ("box.ova", Format.OVA, Packing.NONE),
        ("x.vmdk.zst", Format.VMDK, Packing.ZST),
    ],
)
def test_a_name_says_format_and_packing(name, format, packing):
    said = declared(name)
    assert (said.format, said.packing) == (format, packing)


@pytest.mark.parametrize("name", ["", "letter.doc", ".iso", "x.tar.gz", "x.gz", "qcow2"])
def test_a_name_that_says_nothing_known_is_refused(name):
    with pytest.raises(Problem) as caught:
        declared(name)
    assert caught.value.code == "image-name"


@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vdi", "vhdx"])
def test_a_whole_image_passes(make_image, format):
    found = inspect(make_image(format), Format(format))
    assert (found.format, found.virtual_bytes) == (format, 16 * MIB)


def test_a_compressed_qcow2_and_a_streamed_vmdk_pass(make_image):
    assert inspect(make_image("vmdk", options="subformat=streamOptimized"), Format.VMDK)
    assert inspect(make_image("qcow2", options="compression_type=zstd"), None)


@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vdi", "vhdx"])
def test_an_image_cut_short_is_refused(make_image, format):
    path = make_image(format)
    os.truncate(path, path.stat().st_size - 2 * MIB)
    assert code(path, Format(format)) in {"image-truncated", "image-damaged"}


@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vdi", "vhdx"])
def test_half_a_header_is_refused(make_image, format):
    path = make_image(format)
    os.truncate(path, 100)
    assert code(path, Format(format)) in {"image-truncated", "image-damaged"}


@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vdi", "vhdx"])
def test_garbage_behind_a_right_signature_is_refused_or_harmless(make_image, format):
    path = make_image(format)
    with path.open("r+b") as file:
        file.seek(128 if format != "vdi" else 0x48)
        file.write(b"\xff" * 200)
    try:
        assert inspect(path, Format(format)).virtual_bytes <= headers.MAX_VIRTUAL_BYTES
    except Problem as problem:
        assert problem.code.startswith("image-")


def test_a_backing_file_is_refused_whatever_it_names(make_image, folder):
    base, top = make_image("qcow2"), folder / "top.qcow2"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(base), str(top)]
    subprocess.run(command, check=True)
    assert code(top, Format.QCOW2) == "image-has-backing"


def test_an_external_data_file_is_refused(folder):
    top = folder / "top.qcow2"
    options = f"data_file={folder / 'data.raw'}"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, str(top), "1M"]
    subprocess.run(command, check=True)
    assert code(top, Format.QCOW2) == "image-has-data-file"


def test_the_name_of_a_data_file_without_its_flag_is_refused_too(make_image):
    path = make_image("qcow2")
    length = struct.unpack(">I", path.read_bytes()[100:104])[0]
    patch(path, length, struct.pack(">II", 0x44415441, 8) + b"/etc/sha")
    assert code(path, Format.QCOW2) == "image-has-data-file"


def test_a_vmdk_descriptor_that_names_other_files_is_refused(folder):
    path = folder / "flat.vmdk"
    path.write_text(
        '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/shadow" 0\n'
    )
    assert code(path, Format.VMDK) == "image-names-others"


def test_a_vmdk_with_a_parent_is_refused(make_image):
    path = make_image("vmdk")
    text = path.read_bytes()
    at = text.index(b"parentCID=ffffffff")
    patch(path, at, b"parentCID=12345678")
    assert code(path, Format.VMDK) == "image-has-backing"


def test_a_vdi_with_a_parent_is_refused(make_image):
    path = make_image("vdi")
    patch(path, 0x1B8, b"\1" * 16)
    assert code(path, Format.VDI) == "image-has-backing"


def test_a_vhdx_with_a_parent_is_refused(make_image):
    path = make_image("vhdx")
    with path.open("rb") as file:
        at = headers._vhdx_metadata(file)
    data = path.read_bytes()
    entry = data.index(headers._VHDX_PARAMETERS, at)
    offset = struct.unpack_from("<I", data, entry + 16)[0]
    patch(path, at + offset + 4, struct.pack("<I", 2))
    assert code(path, Format.VHDX) == "image-has-backing"


@pytest.mark.parametrize("size", [1 << 60, (1 << 46) + 1])
def test_an_absurd_virtual_size_is_refused(make_image, size):
    path = make_image("qcow2")
    patch(path, 24, struct.pack(">Q", size))
    assert code(path, Format.QCOW2) == "image-absurd-size"


def test_an_encrypted_image_is_refused(make_image):
    path = make_image("qcow2")
    patch(path, 32, struct.pack(">I", 2))
    assert code(path, Format.QCOW2) == "image-encrypted"


@pytest.mark.parametrize(
    ("real", "said"),
    [("qcow2", Format.RAW), ("qcow2", Format.ISO), ("vmdk", Format.QCOW2), ("vdi", None)],
)
def test_a_format_other_than_its_name_says_is_refused(make_image, real, said):
    assert code(make_image(real), said) == "image-not-as-named"


def test_text_is_no_iso_and_nothing_is_no_image(folder):
    path = folder / "x.iso"
    path.write_text("hello")
    assert code(path, Format.ISO) == "image-not-as-named"
    path.write_bytes(b"")
    assert code(path, None) == "image-empty"


def test_an_iso_cut_short_is_refused(folder):
    path = folder / "x.iso"
    data = make_iso("CUT")
    path.write_bytes(data[: len(data) - 8192])
    assert code(path, Format.ISO) == "image-truncated"


def test_qemu_img_runs_as_nobody_without_a_network(folder):
    path = folder / "x.raw"
    path.write_bytes(bytes(4096))
    path.chmod(0o644)
    from vms.hypervisor import jail

    limits = jail.Limits(wall_s=10, cpu_s=5)
    told = jail.run(["cat", "/proc/self/status"], limits, fds=(), is_nobody=True).decode()
    routes = jail.run(["cat", "/proc/self/net/dev"], limits, fds=(), is_nobody=True).decode()
    if os.geteuid() == 0:
        assert "Uid:\t65534" in told
        assert "eth" not in routes
    assert "NoNewPrivs:\t1" in told


def test_a_program_that_takes_too_long_or_too_much_is_ended():
    from vms.hypervisor import jail

    with pytest.raises(OperationFailed):
        jail.run(["sleep", "20"], jail.Limits(wall_s=0.2, cpu_s=5), fds=(), is_nobody=True)
    busy = ["python3", "-c", "while True: pass"]
    with pytest.raises(OperationFailed, match="limit"):
        jail.run(busy, jail.Limits(wall_s=20, cpu_s=1), fds=(), is_nobody=True)


def test_conversion_tells_how_far_it_is_and_ends_at_the_limit(make_image, folder):
    source, target = make_image("vmdk"), folder / "out.qcow2"
    seen: list[float] = []
    images.convert(source, target, format="vmdk", limit_bytes=64 * MIB, progress=seen.append)
    assert seen[-1] == 1.0
    assert inspect(target, Format.QCOW2).virtual_bytes == 16 * MIB
    compare = ["qemu-img", "compare", "-f", "vmdk", "-F", "qcow2", str(source), str(target)]
    subprocess.run(compare, check=True, capture_output=True)
    with pytest.raises(OperationFailed):
        images.convert(
            source, folder / "o2", format="vmdk", limit_bytes=MIB, progress=lambda _done: None
        )


def test_conversion_can_be_ended_in_the_middle(make_image, folder):
    class Stop(Exception):
        pass

    def stop(_done: float) -> None:
        raise Stop

    with pytest.raises(Stop):
        images.convert(
            make_image("vdi"), folder / "o", format="vdi", limit_bytes=64 * MIB, progress=stop
        )
