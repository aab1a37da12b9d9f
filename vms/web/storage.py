"""Pools and volumes as the storage pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet
from django.urls import reverse

from vms import messages, selectors, storagewords
from vms.models import Job, Pool, Volume
from vms.models.job import OPEN_STATES
from vms.policy import Person
from vms.services import pools, uses
from vms.services.pool_state import SILENT, pool_problem
from vms.web.jobs import JobLine, job_line

SORTS = {
    "name": "name",
    "format": "format",
    "capacity": "capacity_bytes",
    "allocation": "allocation_bytes",
}
PAGE = 200


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool with how full it is and how much of it is promised."""

    pool: Pool
    kind: str
    state: str
    percent: int
    promised_bytes: int
    promised_percent: int
    volume_count: int
    trouble: str
    """A sentence where the pool does not answer."""

    @property
    def is_nearly_full(self) -> bool:
        """True when somebody should do something about it."""
        return self.pool.is_active and self.percent >= pools.WARN_PERCENT

    @property
    def is_overcommitted(self) -> bool:
        """True when its volumes may grow to more than there is."""
        return self.pool.is_active and self.promised_bytes > self.pool.capacity_bytes


def pool_view(pool: Pool) -> PoolView:
    """Word a pool of `selectors.measured_pools`."""
    promised: int = pool.promised_bytes  # type: ignore[attr-defined]  # annotated by the selector
    return PoolView(
        pool=pool,
        kind=storagewords.pool_kind(pool.kind),
        state=storagewords.pool_state(pool.state),
        percent=_percent(pool.allocation_bytes, pool.capacity_bytes),
        promised_bytes=promised,
        promised_percent=_percent(promised, pool.capacity_bytes),
        volume_count=pool.volume_count,  # type: ignore[attr-defined]  # annotated by the selector
        trouble=_trouble(pool),
    )


def _trouble(pool: Pool) -> str:
    problem = pool_problem(pool)
    return messages.sentence(problem) if problem and problem.code == SILENT else ""


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0


@dataclass(frozen=True, slots=True)
class UseView:
    """Something that needs a volume; `url` is "" where it has no page."""

    words: str
    url: str


def use_view(use: uses.Use) -> UseView:
    """Word a use."""
    pages = {
        uses.UseKind.DISK: "guest",
        uses.UseKind.BELOW: "guest",
        uses.UseKind.CD: "guest",
        uses.UseKind.TEMPLATE: "template-history",
        uses.UseKind.OVERLAY: "pool",
    }
    return UseView(use.words, reverse(pages[use.kind], args=[use.id]) if use.id else "")


@dataclass(frozen=True, slots=True)
class VolumeView:
    """A volume with who needs it and what is being done with it."""

    volume: Volume
    uses: tuple[UseView, ...]
    job: JobLine | None

    @property
    def more_uses(self) -> int:
        """How many uses a row leaves out."""
        return max(0, len(self.uses) - 2)


def volume_views(pool: Pool, volumes: Iterable[Volume]) -> list[VolumeView]:
    """Word volumes of one pool; the number of queries is the same for one and for a thousand."""
    rows = list(volumes)
    needed = uses.by_volume(pool.host, rows)
    open_jobs = Job.objects.filter(target_kind="volume", state__in=OPEN_STATES)
    jobs = {job.target_id: job_line(job) for job in open_jobs.select_related("actor")}
    return [
        VolumeView(row, tuple(use_view(use) for use in needed[row.pk]), jobs.get(row.pk))
        for row in rows
    ]


def jobs_of(actor: Person, pool: Pool) -> list[JobLine]:
    """Word what is under way in a pool, e.g. volumes that are not there yet."""
    rows = selectors.jobs(actor).filter(state__in=OPEN_STATES)
    here = [job for job in rows if _is_about(job, pool)]
    return [job_line(job, actor) for job in here]


def _is_about(job: Job, pool: Pool) -> bool:
    if job.target_kind == "pool":
        return job.target_id == pool.pk
    named = job.target_name.startswith(f"{pool.name}/")
    return job.target_kind == "volume" and (named or job.params.get("pool_id") == str(pool.pk))


@dataclass(frozen=True, slots=True)
class Head:
    """A column head that sorts."""

    label: str
    sort: str
    is_number: bool
    direction: str
    """ascending, descending or "" while another column sorts."""


def sorted_volumes(rows: QuerySet[Volume], query: str, sort: str) -> QuerySet[Volume]:
    """Narrow volumes down to those whose name or path holds the words, in the order wanted."""
    for word in query.split()[:10]:
        rows = rows.filter(name__icontains=word)
    column = SORTS.get(sort.lstrip("-"), "name")
    return rows.order_by(("-" if sort.startswith("-") else "") + column, "name")


def heads(sort: str) -> list[Head]:
    """Word the column heads; the one that sorts now turns around."""
    found = []
    for name, label, is_number in (
        ("name", storagewords.COLUMNS["name"], False),
        ("format", storagewords.COLUMNS["format"], False),
        ("capacity", storagewords.COLUMNS["capacity"], True),
        ("allocation", storagewords.COLUMNS["allocation"], True),
    ):
        direction = {name: "ascending", f"-{name}": "descending"}.get(sort, "")
        is_first = not direction
        following = (f"-{name}" if is_number else name) if is_first else _other(sort)
        found.append(Head(str(label), following, is_number, direction))
    return found


def _other(sort: str) -> str:
    return sort[1:] if sort.startswith("-") else f"-{sort}"
