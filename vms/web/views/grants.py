"""Who may use a template, and within which limits."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from vms import circles, selectors
from vms.policy import Action, Person, can
from vms.services import template_access
from vms.web.door import done, door
from vms.web.forms.grants import FIELD_NAMES, AccessForm, initial_of
from vms.web.forms.problems import SHOWN, add_problems


@require_http_methods(["GET", "HEAD", "POST"])
@door
def access(request: HttpRequest, actor: Person, template_id: uuid.UUID) -> HttpResponse:
    """Show to whom a template is granted and its limits; set both."""
    is_read = request.method in {"GET", "HEAD"}
    asked = Action.TEMPLATE_INSPECT if is_read else Action.TEMPLATE_MANAGE
    template = selectors.template(actor, template_id, asked)
    now = template_access.access(actor=actor, template_id=template_id)
    form = AccessForm(
        request.POST if request.method == "POST" else None,
        initial=initial_of(now),
        groups=circles.groups(actor),
        networks=selectors.networks(actor).filter(host=template.host),
    )
    if not now.is_for_all and not template_access.can_grant_to_all(actor):
        del form.fields["is_for_all"]
    if form.is_valid():
        try:
            template_access.set_access(actor=actor, template_id=template_id, wanted=form.access())
        except SHOWN as problem:
            add_problems(form, problem, FIELD_NAMES)
        else:
            return done(request, _("Access to the template is set."), reverse("templates"))
    can_manage = can(actor, Action.TEMPLATE_MANAGE, template)
    context = {"form": form, "template": template, "can_manage": can_manage}
    status = 422 if form.is_bound else 200
    return render(request, "templates/access.html", context, status=status)
