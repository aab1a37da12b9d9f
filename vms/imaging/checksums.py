"""Checksum files in the several ways in which projects write them. Pure.

MD5 and SHA-1 are not taken: whoever can change an image can keep those.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from vms.problems import Problem

MAX_BYTES = 1 << 20
_BY_LENGTH = {64: "sha256", 96: "sha384", 128: "sha512"}
_TAGGED = re.compile(r"^(SHA\d+)\s?\((?P<name>.+)\)\s?=\s?(?P<digest>[0-9a-fA-F]+)$")
_PLAIN = re.compile(r"^(?P<digest>[0-9a-fA-F]+)[ \t]+\*?(?P<name>\S.*)$")
_BARE = re.compile(r"^[0-9a-fA-F]+$")


@dataclass(frozen=True, slots=True)
class Checksum:
    """An algorithm of hashlib and the digest in lower-case hex."""

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"


def parse(text: str) -> Checksum:
    """Read what somebody typed: hex of 64, 96 or 128 digits, with or without "sha256:".

    Raises Problem("checksum-rule").
    """
    digest = text.strip().lower()
    prefix, separator, rest = digest.partition(":")
    digest = rest if separator else digest
    algorithm = _BY_LENGTH.get(len(digest), "")
    known = not separator or prefix.replace("-", "") == algorithm
    if not algorithm or not known or not _BARE.match(digest):
        raise Problem("checksum-rule")
    return Checksum(algorithm, digest)


def find(text: str, filename: str) -> Checksum:
    """Find the strongest checksum of `filename` in a checksum file.

    Takes what sha256sum and BSD's sha256 write, within a signature or not, and a file that holds
    one digest and nothing else. Raises Problem("checksum-missing").
    """
    found = [each for line in text.splitlines() if (each := _of_line(line.strip(), filename))]
    if not found:
        found = _lone(text)
    if not found:
        raise Problem("checksum-missing", name=filename[:100])
    return max(found, key=lambda each: len(each.digest))


def _of_line(line: str, filename: str) -> Checksum | None:
    match = _TAGGED.match(line) or _PLAIN.match(line)
    if match is None or match["name"].removeprefix("./") != filename:
        return None
    return _known(match["digest"])


def _lone(text: str) -> list[Checksum]:
    words = text.split()
    one = _known(words[0]) if len(words) == 1 and _BARE.match(words[0]) else None
    return [one] if one else []


def _known(digest: str) -> Checksum | None:
    algorithm = _BY_LENGTH.get(len(digest))
    return Checksum(algorithm, digest.lower()) if algorithm else None


def new(algorithm: str) -> hashlib._Hash:
    """Begin a digest of one of the algorithms that are taken."""
    if algorithm not in _BY_LENGTH.values():
        raise Problem("checksum-rule")
    return hashlib.new(algorithm)
