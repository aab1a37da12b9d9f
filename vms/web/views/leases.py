"""Leases: the end of a guest, moved by its owner, and the rules behind it."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from vms import circles
from vms.policy import Action, Person, can
from vms.services import leases
from vms.web.door import done, door
from vms.web.forms.leases import LeaseRuleForm
from vms.web.forms.problems import SHOWN, add_problems


@require_http_methods(["GET", "HEAD", "POST"])
@door
def site(request: HttpRequest, actor: Person) -> HttpResponse:
    """Say how long the guests of those live who are in no group with a rule."""
    return _edit(request, actor, None)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def group(request: HttpRequest, actor: Person, group_id: uuid.UUID) -> HttpResponse:
    """Say how long the guests of a group's members live."""
    return _edit(request, actor, group_id)


def _edit(request: HttpRequest, actor: Person, group_id: uuid.UUID | None) -> HttpResponse:
    now = leases.rule(actor=actor, group_id=group_id)
    form = LeaseRuleForm.of(now, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            leases.set_rule(actor=actor, group_id=group_id, rule=form.rule())
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return done(request, _("The rule is set."), reverse("people-quotas"))
    name = circles.group(actor, group_id).name if group_id else ""
    status = 422 if form.is_bound else 200
    back = reverse("group", args=[group_id]) if group_id else reverse("people-quotas")
    can_manage = can(actor, Action.LEASE_MANAGE)
    context = {"form": form, "name": name, "can_manage": can_manage, "back_url": back}
    return render(request, "people/lease_rule.html", context, status=status)
