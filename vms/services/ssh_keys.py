"""Public SSH keys as pasted by people."""

from __future__ import annotations

import base64
import binascii
import re
import struct

from vms.problems import Problem

_KEY_TYPES = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com"
    r"|sk-ecdsa-sha2-nistp256@openssh\.com)\Z"
)


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
