"""What the kernel says about a process: memory and processor time."""

from __future__ import annotations

import os
import re
from pathlib import Path

MIB = 1 << 20


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    assert found, f"process {pid} has ended"
    return int(found[1]) * 1024


def cpu_s(pid: int) -> float:
    """Return the seconds of processor time that a process has used, in user space and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_bytes(pid: int) -> int:
    """Return the memory of a process, in which shared pages count as its share of them."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found, f"process {pid} has ended"
    return int(found[1]) * 1024


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
