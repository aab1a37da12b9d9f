"""static/src/live/latest.js completes ticks that name only what changed. Run by node, as is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

MODULE = Path(__file__).resolve().parents[2] / "static" / "src" / "live" / "latest.js"
SCRIPT = """
const { completed, dropLatest, forgetLatest } = await import(process.argv[1]);
const acts = { tick: completed, gone: dropLatest, connected: forgetLatest };
const steps = JSON.parse(process.argv[2]);
console.log(JSON.stringify(steps.map(([act, value]) => acts[act](value) ?? null)));
"""
ONE, TWO, OFF = [1] * 7, [2] * 7, [None] * 7


def told(*steps: tuple[str, object]) -> list[object]:
    """Feed messages in order; what listeners are told at each."""
    done = subprocess.run(
        ["node", "--input-type=module", "-e", SCRIPT, MODULE.as_uri(), json.dumps(steps)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return list(json.loads(done.stdout))


def tick(host: int = 0, *, vms: dict[str, list], **flags: bool) -> tuple[str, object]:
    return "tick", {"t": "numbers", "h": host, "vms": vms, **flags}


def test_guests_whose_numbers_did_not_change_go_on_with_the_last_ones() -> None:
    steps = (tick(vms={"a": ONE, "b": ONE}, full=True), tick(vms={"b": TWO}), tick(vms={}))
    assert told(*steps)[1:] == [{"a": ONE, "b": TWO}, {"a": ONE, "b": TWO}]


def test_a_guest_that_went_off_is_told_once() -> None:
    steps = (tick(vms={"a": ONE, "b": ONE}), tick(vms={"a": OFF}), tick(vms={}))
    assert told(*steps)[1:] == [{"a": OFF, "b": ONE}, {"b": ONE}]


def test_the_tick_of_one_host_moves_no_guest_of_another() -> None:
    assert told(tick(0, vms={"a": ONE}), tick(1, vms={"b": ONE}))[1] == {"b": ONE}


def test_guests_that_may_be_seen_only_now_move_no_other_one() -> None:
    steps = (tick(vms={"a": ONE}), tick(vms={"b": TWO}, more=True), tick(vms={}))
    assert told(*steps)[1:] == [{"b": TWO}, {"a": ONE, "b": TWO}]


def test_a_full_tick_a_guest_that_is_gone_and_a_new_socket_leave_nothing_old() -> None:
    assert told(tick(vms={"a": ONE}), tick(vms={"b": ONE}, full=True))[1] == {"b": ONE}
    assert told(tick(vms={"a": ONE}), ("gone", "a"), tick(vms={}))[2] == {}
    assert told(tick(vms={"a": ONE}), ("connected", None), tick(vms={}))[2] == {}
