"""Which service does the work of a job, by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vms.models import Job, JobKind
from vms.services import creation, deletion

Handler = Callable[[Job], None]

HANDLERS: Mapping[str, Handler] = {
    JobKind.CREATE_VM: creation.run,
    JobKind.DELETE_VM: deletion.run,
}
