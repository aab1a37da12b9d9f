"""Checksum files as projects write them."""

from __future__ import annotations

import pytest

from vms.imaging.checksums import find, parse
from vms.problems import Problem

A, B, C = "a" * 64, "b" * 64, "c" * 128


@pytest.mark.parametrize(
    "text",
    [
        f"{B}  other.img\n{A}  disk.img\n",
        f"{B} *other.img\n{A} *disk.img\n",
        f"{A}  ./disk.img",
        f"# disk.img: 12 bytes\nSHA256 (other.img) = {B}\nSHA256 (disk.img) = {A}\n",
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSHA256 (disk.img) = {A}\n"
        "-----BEGIN PGP SIGNATURE-----\nabc\n",
        f"{A.upper()}\n",
    ],
)
def test_the_digest_of_the_file_is_found(text):
    found = find(text, "disk.img")
    assert (found.algorithm, found.digest) == ("sha256", A)


def test_the_stronger_of_two_wins():
    assert find(f"{A}  disk.img\n{C}  disk.img", "disk.img").algorithm == "sha512"


@pytest.mark.parametrize(
    "text", ["", f"{A}  disk.img.old", f"{'a' * 32}  disk.img", f"{A}\n{B}", "<html>404</html>"]
)
def test_a_file_that_does_not_name_it_is_refused(text):
    with pytest.raises(Problem) as caught:
        find(text, "disk.img")
    assert caught.value.code == "checksum-missing"


def test_what_somebody_types_is_read_or_refused():
    assert parse(f" SHA256:{A} ").digest == A
    assert parse(C).algorithm == "sha512"
    for wrong in ("", "abc", f"sha512:{A}", f"md5:{'a' * 32}", "g" * 64):
        with pytest.raises(Problem) as caught:
            parse(wrong)
        assert caught.value.code == "checksum-rule"
