"""A past for pictures and tries: a year of invented numbers, written as the worker would.

usage: manage.py shell -c "from tests.support import past; past.invent('<id of a guest>')"
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator

from vms.models import VM, Average, Host, Track
from vms.models.history import COLUMNS, HOUR_S, KEPT_S, MINUTE_S, QUARTER_S
from vms.services import history

MIB = 1024 * 1024
OFF_S = range(5 * HOUR_S, 6 * HOUR_S)
"""How long ago everything was off."""


def invent(*vm_ids: str) -> None:
    """Give every host and these guests a year with days, nights, bursts and an hour off."""
    now_s = int(time.time()) // MINUTE_S * MINUTE_S
    # One roll-up begins the marks, so that nothing of the year is made up again.
    history.roll_up(now_s)
    guests = [{"vm": vm} for vm in VM.objects.filter(pk__in=vm_ids)]
    for subject in (*guests, *({"host": host} for host in Host.objects.all())):
        track, _is_new = Track.objects.get_or_create(**subject)
        Average.objects.bulk_create(_year(track, now_s), ignore_conflicts=True)


def _year(track: Track, now_s: int) -> Iterator[Average]:
    chance = random.Random(track.pk)
    for resolution_s in (MINUTE_S, QUARTER_S, HOUR_S):
        last_s = now_s - now_s % resolution_s - resolution_s
        for at_s in range(last_s, now_s - KEPT_S[resolution_s], -resolution_s):
            if now_s - at_s in OFF_S:
                continue
            numbers = dict(zip(COLUMNS, _numbers(chance, at_s, resolution_s), strict=True))
            yield Average(
                track=track, resolution_s=resolution_s, at_s=at_s, weight_s=resolution_s, **numbers
            )


def _numbers(chance: random.Random, at_s: int, resolution_s: int) -> tuple[float, ...]:
    day = 0.5 - 0.5 * math.cos(2 * math.pi * at_s / 86_400)
    wave = 0.5 + 0.5 * math.sin(at_s / 700)
    is_burst = chance.random() < min(0.3, 30 / resolution_s)
    cpu = min(100.0, 6 + 45 * day + 12 * wave * chance.random() + is_burst * 30)
    used = 210 + 160 * day + 20 * wave
    read = (0.02 + is_burst * 9 * chance.random()) * MIB
    written = (0.1 + day * 0.8 + is_burst * 3 * chance.random()) * MIB
    received = (0.02 + day * wave * 1.5) * MIB
    return (
        round(cpu, 2),
        round(used),
        512,
        round(read),
        round(written),
        round(received),
        round(received / 4),
    )
