"""Quotas of the site, of groups and of people: looked at and set by those who may."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from vms.policy import Action, Person, can
from vms.services import quota_rules
from vms.web.door import done, door
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.forms.quotas import QuotaForm
from vms.web.quotabars import limit_words, use_lines


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show what everybody may have and uses."""
    site = quota_rules.of_site(actor=actor)
    context = {
        "site": limit_words(site),
        "groups": [
            (line, use_lines(line.limits, line.used)) for line in quota_rules.groups(actor=actor)
        ],
        "people": [
            (line, use_lines(line.limits, line.used, site))
            for line in quota_rules.people(actor=actor)
        ],
        "can_manage": can(actor, Action.QUOTA_MANAGE),
    }
    return render(request, "people/quotas.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def site(request: HttpRequest, actor: Person) -> HttpResponse:
    """Set the default for everybody."""
    form = QuotaForm(
        _data(request),
        limits=quota_rules.of_site(actor=actor),
        nothing=_("no limit"),
    )
    if form.is_valid():
        try:
            quota_rules.set_site(actor=actor, limits=form.limits())
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return _done(request, _("The quota of the site is set."))
    return _show(request, actor, form, {"scope": "site"})


@require_http_methods(["GET", "HEAD", "POST"])
@door
def person(request: HttpRequest, actor: Person, user_id: uuid.UUID) -> HttpResponse:
    """Set the quota of one person."""
    line = quota_rules.of_user(actor=actor, user_id=user_id)
    form = QuotaForm(_data(request), limits=line.limits, nothing=_("as the site says"))
    if form.is_valid():
        try:
            user = quota_rules.set_user(actor=actor, user_id=user_id, limits=form.limits())
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            words = {"name": user.username}
            return _done(request, _("The quota of “%(name)s” is set.") % words)
    context = {
        "scope": "user",
        "name": line.user.username,
        "bars": use_lines(line.limits, line.used, quota_rules.of_site(actor=actor)),
        "site": limit_words(quota_rules.of_site(actor=actor)),
    }
    return _show(request, actor, form, context)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def group(request: HttpRequest, actor: Person, group_id: uuid.UUID) -> HttpResponse:
    """Set what the members of a group share."""
    line = quota_rules.of_group(actor=actor, group_id=group_id)
    form = QuotaForm(_data(request), limits=line.limits, nothing=_("no limit"))
    if form.is_valid():
        try:
            row = quota_rules.set_group(actor=actor, group_id=group_id, limits=form.limits())
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return _done(request, _("The quota of “%(name)s” is set.") % {"name": row.name})
    context = {
        "scope": "group",
        "name": line.group.name,
        "members": line.members,
        "bars": use_lines(line.limits, line.used),
        "back_url": reverse("group", args=[group_id]),
    }
    return _show(request, actor, form, context)


def _data(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _show(
    request: HttpRequest, actor: Person, form: QuotaForm, context: Mapping[str, object]
) -> HttpResponse:
    usual = {
        "form": form,
        "can_manage": can(actor, Action.QUOTA_MANAGE),
        "back_url": reverse("people-quotas"),
    }
    status = 422 if form.is_bound else 200
    return render(request, "people/quota.html", usual | dict(context), status=status)


def _done(request: HttpRequest, text: str) -> HttpResponse:
    return done(request, text, reverse("people-quotas"))
