"""How the worker writes history: minutes as they end, longer averages out of shorter ones.

What was not measured stays a gap. Every function may be called again with the same effect, and each
holds the database's write lock only for a moment.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Min, QuerySet

from vms.models import VM, Average, Host, RolledUp, Track
from vms.models.history import COLUMNS, DAY_S, HOUR_S, KEPT_S, MINUTE_S, QUARTER_S
from vms.services.averages import Values, Weighted, sums

LATE_S = 120
"""A quarter is made up this long after its end: its last minute may be written late."""
TRACKS_PER_DELETE = 200


@dataclass(frozen=True, slots=True)
class Mean:
    """Averages of a minute in the order of `COLUMNS`, of which `weight_s` seconds were measured."""

    values: Values
    weight_s: int

    @property
    def is_known(self) -> bool:
        """True when there is any number in it."""
        return any(value is not None for value in self.values)


@dataclass(frozen=True, slots=True)
class Minute:
    """What a host and its guests used during the minute that began at `at_s`."""

    at_s: int
    host: Mean
    guests: Mapping[str, Mean] = field(default_factory=dict)


def record_minute(host: Host, minute: Minute) -> None:
    """Write a minute of one host with all its guests; what is there already stays as it is."""
    known = {vm_id: mean for vm_id, mean in minute.guests.items() if mean.is_known}
    with transaction.atomic():
        tracks = _guest_tracks(host, known)
        rows = [_row(tracks[key], minute.at_s, known[key]) for key in tracks.keys() & known.keys()]
        if minute.host.is_known and (track_id := _host_track(host)):
            rows.append(_row(track_id, minute.at_s, minute.host))
        Average.objects.bulk_create(rows, ignore_conflicts=True)


def _row(track_id: int, at_s: int, mean: Mean) -> Average:
    numbers = dict(zip(COLUMNS, mean.values, strict=True))
    return Average(
        track_id=track_id, resolution_s=MINUTE_S, at_s=at_s, weight_s=mean.weight_s, **numbers
    )


def _guest_tracks(host: Host, vm_ids: Iterable[str]) -> dict[str, int]:
    """Give the tracks of a host's guests by id, beginning new ones; a guest gone gets none."""
    rows = Track.objects.filter(vm__host=host).values_list("vm_id", "pk")
    tracks = {str(vm_id): pk for vm_id, pk in rows}
    missing = [uuid.UUID(vm_id) for vm_id in vm_ids if vm_id not in tracks]
    if not missing:
        return tracks
    there = VM.objects.filter(host=host, pk__in=missing).values_list("pk", flat=True)
    Track.objects.bulk_create([Track(vm_id=pk) for pk in there], ignore_conflicts=True)
    return {str(vm_id): pk for vm_id, pk in rows.all()}


def _host_track(host: Host) -> int | None:
    track = Track.objects.filter(host=host).first()
    if track is None and Host.objects.filter(pk=host.pk).exists():
        track = Track.objects.create(host=host)
    return track.pk if track else None


def roll_up(now_s: float) -> None:
    """Make quarters out of minutes and hours out of quarters, as far as they have passed."""
    ready_s = int(now_s) - LATE_S
    for source_s, target_s in ((MINUTE_S, QUARTER_S), (QUARTER_S, HOUR_S)):
        ready_s = _roll_up(source_s, target_s, ready_s)


def _roll_up(source_s: int, target_s: int, ready_s: int) -> int:
    """Make up each period that ended by `ready_s`; return until when it is done.

    A clock that was set back takes the mark back with it: those periods are made up again.
    """
    ready_s -= ready_s % target_s
    mark = RolledUp.objects.filter(pk=target_s).first()
    begin_s = min(mark.until_s, ready_s) if mark else 0
    while (at_s := _first_period(source_s, target_s, begin_s)) is not None and at_s < ready_s:
        begin_s = at_s + target_s
        _make_up(source_s, target_s, at_s)
    if mark is None or mark.until_s != ready_s:
        RolledUp.objects.update_or_create(pk=target_s, defaults={"until_s": ready_s})
    return ready_s


def _all(resolution_s: int) -> QuerySet[Average]:
    """Rows of every track; named so that the one index, which begins with the track, is used."""
    return Average.objects.filter(track__in=Track.objects.values("pk"), resolution_s=resolution_s)


def _first_period(source_s: int, target_s: int, begin_s: int) -> int | None:
    """Return the period of the first row from `begin_s` on: what is empty is passed over."""
    rows = _all(source_s).filter(at_s__gte=begin_s)
    first: int | None = rows.aggregate(first=Min("at_s"))["first"]
    return None if first is None else first - first % target_s


def _make_up(source_s: int, target_s: int, at_s: int) -> None:
    source = _all(source_s).filter(at_s__gte=at_s, at_s__lt=at_s + target_s)
    # Read before the transaction, which takes the write lock at its begin.
    groups = list(source.order_by().values("track_id").annotate(**sums()))
    with transaction.atomic():
        there = set(Track.objects.values_list("pk", flat=True))
        rows = [_average(group, target_s, at_s) for group in groups if group["track_id"] in there]
        Average.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["track", "resolution_s", "at_s"],
            update_fields=["weight_s", *COLUMNS],
        )
        RolledUp.objects.update_or_create(pk=target_s, defaults={"until_s": at_s + target_s})


def _average(group: Mapping[str, Any], target_s: int, at_s: int) -> Average:
    # Any: what values() gives
    weighted = Weighted()
    weighted.add(group)
    return Average(
        track_id=group["track_id"],
        resolution_s=target_s,
        at_s=at_s,
        weight_s=min(target_s, group["weight"]),
        **dict(zip(COLUMNS, weighted.means, strict=True)),
    )


def delete_old(now_s: float) -> None:
    """Delete what was kept long enough, and what a clock that was wrong dated into the future.

    A row goes only after it was rolled up, however long the server was off.
    """
    tracks = list(Track.objects.order_by("pk").values_list("pk", flat=True))
    rolled = dict(RolledUp.objects.values_list("resolution_s", "until_s"))
    longer = {MINUTE_S: QUARTER_S, QUARTER_S: HOUR_S}
    for resolution_s, kept_s in KEPT_S.items():
        until_s = int(now_s) - kept_s
        if resolution_s in longer:
            until_s = min(until_s, rolled.get(longer[resolution_s], 0))
        for first in range(0, len(tracks), TRACKS_PER_DELETE):
            batch = tracks[first : first + TRACKS_PER_DELETE]
            rows = Average.objects.filter(track__in=batch, resolution_s=resolution_s)
            rows.filter(at_s__lt=until_s).delete()
            rows.filter(at_s__gt=int(now_s) + DAY_S).delete()
