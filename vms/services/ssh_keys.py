"""Public SSH keys as pasted by people."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass

from vms.problems import Problem

_KEY_TYPES = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com"
    r"|sk-ecdsa-sha2-nistp256@openssh\.com)\Z"
)


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a key is called: "ssh-ed25519", "SHA256:…" as ssh-keygen -l has it, and its comment."""

    kind: str
    fingerprint: str
    comment: str


def facts(line: str) -> KeyFacts:
    """Name a key that `parse` gave."""
    kind, blob, *comment = line.split(None, 2)
    sum_ = hashlib.sha256(base64.b64decode(blob)).digest()
    fingerprint = base64.b64encode(sum_).decode().rstrip("=")
    return KeyFacts(kind, f"SHA256:{fingerprint}", comment[0] if comment else "")


def parse(text: str) -> tuple[str, ...]:
    """Split pasted lines into keys, dropping empty lines and comments.

    Raises Problem("ssh-key-rule", line=n) for the first line that is not a public key.
    """
    keys = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if not _is_key(stripped):
            raise Problem("ssh-key-rule", line=number)
        keys.append(stripped)
    return tuple(dict.fromkeys(keys))


def _is_key(line: str) -> bool:
    parts = line.split(None, 2)
    if len(line) > 16_384 or len(parts) < 2 or not _KEY_TYPES.match(parts[0]):
        return False
    if any(ord(char) < 32 for char in line):
        return False
    try:
        blob = base64.b64decode(parts[1], validate=True)
        (length,) = struct.unpack_from(">I", blob)
    except (binascii.Error, ValueError, struct.error):
        return False
    return blob[4 : 4 + length] == parts[0].encode()
