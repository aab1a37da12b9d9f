"""History as charts: the page of a guest, and the numbers of guests and hosts as JSON or CSV."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from vms import selectors
from vms.policy import Person
from vms.services import series
from vms.services.series import Series
from vms.web.charts import file_name, guest_charts, wanted_span
from vms.web.door import door
from vms.web.guestpage import guest_context


@require_safe
@door
def page(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show the charts of a guest."""
    guest = selectors.vm(actor, vm_id)
    charts = guest_charts(guest, wanted_span(request))
    context = guest_context(actor, guest, "charts") | {"charts": charts}
    return render(request, "guests/charts.html", context)


@require_safe
@door
def guest_series(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Give the history of a guest; `format=csv` as a file."""
    found = series.of_guest(actor=actor, vm_id=vm_id, span=wanted_span(request))
    if not _wants_csv(request):
        return _as_json(found)
    return _as_csv(found, file_name("guest", selectors.vm(actor, vm_id).name, found.span))


@require_safe
@door
def host_series(request: HttpRequest, actor: Person, host_id: uuid.UUID) -> HttpResponse:
    """Give the history of a host; `format=csv` as a file."""
    found = series.of_host(actor=actor, host_id=host_id, span=wanted_span(request))
    if not _wants_csv(request):
        return _as_json(found)
    return _as_csv(found, file_name("host", selectors.host(actor, host_id).name, found.span))


def _wants_csv(request: HttpRequest) -> bool:
    return request.GET.get("format") == "csv"


def _as_json(found: Series) -> HttpResponse:
    return JsonResponse(
        {
            "span": found.span.value,
            "step_s": found.step_s,
            "at_s": found.at_s,
            "columns": found.columns,
        }
    )


def _as_csv(found: Series, name: str) -> HttpResponse:
    disposition = content_disposition_header(as_attachment=True, filename=name)
    return HttpResponse(
        series.as_csv(found),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": disposition},
    )
