"""Recorded terminals as asciicast v2: a line of JSON that describes, then one for each output.

Pure. https://docs.asciinema.org/manual/asciicast/v2/ describes the format.
"""

from __future__ import annotations

import codecs
import json

COLUMNS, ROWS = 80, 24
"""What a serial port tells nobody; the terminals of most systems begin with it."""


def head(began_at: int, title: str) -> bytes:
    """Return the first line; `began_at` is in seconds since 1970."""
    about = {
        "version": 2,
        "width": COLUMNS,
        "height": ROWS,
        "timestamp": began_at,
        "title": title,
        "env": {"TERM": "xterm-256color"},
    }
    return _line(about)


class Script:
    """Turns bytes of a terminal into lines; a character that comes in parts waits for the rest."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def line(self, at_ms: int, data: bytes) -> bytes:
        """Return the line for what was said at that time; b"" while a character is incomplete."""
        text = self._decoder.decode(data)
        return _line([at_ms / 1000, "o", text]) if text else b""


def time_of(line: bytes) -> int | None:
    """Return the milliseconds of a line of output; None for what is none, or is cut."""
    try:
        event = json.loads(line)
        return round(event[0] * 1000) if event[1] == "o" else None
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
