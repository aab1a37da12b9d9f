"""Run the benchmark: all of it, or the measurements that are named."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import libvirt

from tests.bench import (
    consoles,
    create,
    guest_list,
    images,
    live,
    many,
    memory,
    relay,
    scale,
    thumbs,
)
from tests.bench.table import Row, lines

MEASUREMENTS: dict[str, Callable[[], Iterator[Row]]] = {
    "list": guest_list.measure,
    "live": live.measure,
    "create": create.measure,
    "many": many.measure,
    "relay": relay.measure,
    "memory": memory.measure,
    "consoles": consoles.measure,
    "scale": scale.measure,
    "thumbs": thumbs.measure,
    "images": images.measure,
}


def main() -> None:
    """Measure what is named, or everything, and print one table. A goal missed is no failure."""
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    names = parser.parse_args().names or list(MEASUREMENTS)
    if unknown := set(names) - set(MEASUREMENTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    libvirt.registerErrorHandler(lambda *_arguments: None, None)  # it prints what is raised anyway
    # So that everything is cleaned up after a polite kill as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began_s = time.monotonic()
    rows: list[Row] = []
    try:
        for name in names:
            rows += run(name)
    except KeyboardInterrupt:
        print("Stopped before the end.", file=sys.stderr)
    print(*lines(rows), sep="\n")
    print(f"\n{machine()}; {time.monotonic() - began_s:.0f} s")


def run(name: str) -> list[Row]:
    """Take one measurement; where it cannot be taken, its row says why and the others go on."""
    rows: list[Row] = []
    began_s = time.monotonic()
    print(f"{name} ...", end=" ", flush=True, file=sys.stderr)
    try:
        rows.extend(MEASUREMENTS[name]())
    except Exception as error:  # the top loop: one broken measurement must not hide the others
        traceback.print_exc()
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        rows.append(Row(name, f"not measured: {reason[:70]}"))
    print(f"{time.monotonic() - began_s:.0f} s", file=sys.stderr)
    return rows


def machine() -> str:
    """Describe what the numbers were taken on."""
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in facts if "model name" in line), "?")
    has_kvm = any(flag in line.split() for line in facts for flag in ("vmx", "svm"))
    guests = "KVM" if has_kvm else "TCG (no hardware virtualisation)"
    cores, load = os.cpu_count(), os.getloadavg()[0]
    python = platform.python_version()
    return f"{model}, {cores} cores; guests run under {guests}; Python {python}; load {load:.1f}"


if __name__ == "__main__":
    main()
