"""Catalogues of translations: reading a .po, and compiling what is newer than its .mo."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINE = r'"(?:[^"\\]|\\.)*"'
FIELD = re.compile(
    rf"^(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?)((?:\s+{LINE})+)", re.MULTILINE
)


@dataclass(frozen=True)
class Message:
    """One message: its English, one text or two, and its translations."""

    english: tuple[str, ...]
    texts: tuple[str, ...]
    is_fuzzy: bool


def read(path: Path) -> list[Message]:
    """Read a catalogue without its header and what is no longer used."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")[1:]
    return [_message(block) for block in blocks if re.search("^msgid", block, re.MULTILINE)]


def _message(block: str) -> Message:
    english, texts = [], []
    for name, quoted in FIELD.findall(block):
        text = "".join(ast.literal_eval(line) for line in re.findall(LINE, quoted))
        if name.startswith("msgid"):
            english.append(text)
        elif name.startswith("msgstr"):
            texts.append(text)
    is_fuzzy = bool(re.search("^#,.*fuzzy", block, re.MULTILINE))
    return Message(tuple(english), tuple(texts), is_fuzzy)


def compile_stale() -> None:
    """Compile as script/assets does, for tests that are run without it."""
    for source in ROOT.glob("locale/*/LC_MESSAGES/*.po"):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        fresh = target.with_suffix(f".{os.getpid()}")  # other processes may read and write it, too
        subprocess.run(["msgfmt", "-o", fresh, source], check=True)
        fresh.replace(target)
