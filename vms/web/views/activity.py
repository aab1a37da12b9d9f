"""Activity: the audit trail, for those who may look into it. Nothing here changes a line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from vms import selectors
from vms.policy import Person
from vms.services import activity
from vms.web.activity import activity_rows
from vms.web.door import door
from vms.web.forms.activity import ActivityForm

MAX_DIGITS = 18
"""No id of a line has more."""


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the newest lines, or those before a line."""
    form = ActivityForm(request.GET)
    part = activity.page(actor=actor, wanted=form.wanted(), before=_before(request))
    kept = request.GET.copy()
    kept.pop("before", None)
    context = {
        "form": form,
        "rows": activity_rows(part.lines),
        "older": part.older,
        "query_string": kept.urlencode(),
        "is_first": _before(request) is None,
        "is_filtered": any(kept.values()),
        "people": selectors.people(actor).values_list("username", flat=True),
    }
    return render(request, "activity/page.html", context)


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    is_number = text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS
    return int(text) if is_number else None


@require_safe
@door
def as_csv(request: HttpRequest, actor: Person) -> StreamingHttpResponse:
    """Give every line that passes the filter as a file, in parts as they are read."""
    parts = activity.as_csv(actor=actor, wanted=ActivityForm(request.GET).wanted())
    name = f"kvmweb-activity-{timezone.localdate():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        _flowing(parts) if isinstance(request, ASGIRequest) else parts,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, name)},
    )


async def _flowing(parts: Iterator[str]) -> AsyncIterator[str]:
    """Read part after part: Django would collect them all before it sends the first."""
    read = sync_to_async(lambda: next(parts, ""))
    while part := await read():
        yield part
