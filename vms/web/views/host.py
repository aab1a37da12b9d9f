"""The host: facts, load, pools and networks."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from vms import selectors
from vms.policy import Action, Person, can
from vms.problems import Forbidden
from vms.services import gateways
from vms.web.charts import wanted_span
from vms.web.door import done, door
from vms.web.forms.hosts import ConsolesForm
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.hostpage import host_views


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show every host."""
    return _show(request, actor)


def _show(request: HttpRequest, actor: Person, wrong: ConsolesForm | None = None) -> HttpResponse:
    if not can(actor, Action.HOST_VIEW):
        raise Forbidden("forbidden", action=Action.HOST_VIEW.value)
    views = host_views(
        selectors.hosts(actor).prefetch_related("gateways"),
        selectors.pools(actor),
        selectors.networks(actor),
        wanted_span(request),
        wrong,
    )
    context = {"hosts": views, "can_set_consoles": can(actor, Action.HOST_SET_CONSOLES)}
    return render(request, "host/host.html", context, status=422 if wrong else 200)


@require_POST
@door
def set_consoles(request: HttpRequest, actor: Person, host_id: uuid.UUID) -> HttpResponse:
    """Say which way the screens of the host's guests take."""
    form = ConsolesForm(request.POST, host=selectors.host(actor, host_id))
    if form.is_valid():
        url = form.cleaned_data["console_gateway_url"]
        try:
            gateways.set_route(actor=actor, host_id=host_id, url=url)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return done(request, _("Saved."), reverse("host"))
    return _show(request, actor, form)
