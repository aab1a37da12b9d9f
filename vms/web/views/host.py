"""The host: facts, load, pools and networks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from vms import selectors
from vms.policy import Action, Person, can
from vms.problems import Forbidden
from vms.web.charts import wanted_span
from vms.web.door import door
from vms.web.hostpage import host_views


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show every host."""
    if not can(actor, Action.HOST_VIEW):
        raise Forbidden("forbidden", action=Action.HOST_VIEW.value)
    views = host_views(
        selectors.hosts(actor),
        selectors.pools(actor),
        selectors.networks(actor),
        wanted_span(request),
    )
    return render(request, "host/host.html", {"hosts": views})
