"""People: accounts, for administrators."""

from __future__ import annotations

import uuid

from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vms import selectors
from vms.models import VM, Role, User
from vms.policy import Action, Person, can
from vms.problems import Forbidden
from vms.services import factors, leaving, people
from vms.web.door import done, door, is_partial
from vms.web.forms.factors import FactorRuleForm
from vms.web.forms.people import AddPersonForm, LeaveForm, RoleForm
from vms.web.forms.problems import SHOWN, add_problems


def _require_manager(actor: Person) -> None:
    if not can(actor, Action.PEOPLE_MANAGE):
        raise Forbidden("forbidden", action=Action.PEOPLE_MANAGE.value)


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the accounts."""
    if not can(actor, Action.PEOPLE_VIEW):
        raise Forbidden("forbidden", action=Action.PEOPLE_VIEW.value)
    accounts = selectors.people(actor).order_by("-is_active", "username")
    counts = factors.counts()
    context = {
        "people": [(account, counts.get(str(account.pk), 0)) for account in accounts],
        "me": actor.user,
        "can_manage": can(actor, Action.PEOPLE_MANAGE),
        "roles": Role.choices,
    }
    return render(request, "people/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def add(request: HttpRequest, actor: Person) -> HttpResponse:
    """Add somebody and show the one-time password, this once."""
    _require_manager(actor)
    form = AddPersonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            user, password = people.add(actor=actor, **form.cleaned_data)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return _show_secret(request, user, password, is_new=True)
    status = 422 if form.is_bound else 200
    return render(request, "people/add.html", {"form": form}, status=status)


def _show_secret(request: HttpRequest, user: User, password: str, *, is_new: bool) -> HttpResponse:
    context = {"account": user, "password": password, "is_new": is_new}
    return render(request, "people/secret.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def rules(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show and say which roles need a second factor."""
    if request.method == "POST":
        _require_manager(actor)
    elif not can(actor, Action.PEOPLE_VIEW):
        raise Forbidden("forbidden", action=Action.PEOPLE_VIEW.value)
    initial = {"roles": sorted(factors.roles_in_need())}
    form = FactorRuleForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        factors.set_roles_in_need(actor=actor, roles=form.cleaned_data["roles"])
        return _done(request, _("The rules for logging in are saved."))
    status = 422 if form.is_bound else 200
    context = {"form": form, "can_manage": can(actor, Action.PEOPLE_MANAGE)}
    return render(request, "people/rules.html", context, status=status)


@require_POST
@door
def take_factors(request: HttpRequest, actor: Person, user_id: uuid.UUID) -> HttpResponse:
    """Remove the second factors of somebody who lost his."""
    user = factors.take_away(actor=actor, user_id=user_id)
    text = _("“%(name)s” has no second factor any more and is logged out.")
    return _done(request, text % {"name": user.username})


@require_POST
@door
def role(request: HttpRequest, actor: Person, user_id: uuid.UUID) -> HttpResponse:
    """Make somebody administrator or user."""
    form = RoleForm(request.POST)
    wanted = form.cleaned_data["role"] if form.is_valid() else ""
    user = people.set_role(actor=actor, user_id=user_id, role=wanted)
    words = {"name": user.username, "role": user.get_role_display()}
    return _done(request, _("“%(name)s” now has the role %(role)s.") % words)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def deactivate(request: HttpRequest, actor: Person, user_id: uuid.UUID) -> HttpResponse:
    """Ask who takes the guests, and close an account."""
    user = selectors.person(actor, user_id)
    guests = list(selectors.vms(actor).filter(owner=user))
    heirs = selectors.people(actor).filter(is_active=True).exclude(pk=user.pk).order_by("username")
    form = LeaveForm(request.POST if request.method == "POST" else None, heirs=heirs)
    if guests and form.is_bound and not form.is_valid():
        return _ask_to_leave(request, user, guests, form, 422)
    if not form.is_bound:
        return _ask_to_leave(request, user, guests, form, 200)
    heir_id = form.heir_id() if guests else None
    departure = leaving.close_account(actor=actor, user_id=user_id, heir_id=heir_id)
    text = _("The account “%(name)s” is closed.") % {"name": user.username}
    if not departure.stayed:
        return _closed(request, text)
    context = {"departure": departure, "text": text}
    return render(request, "people/left.html", context)


def _closed(request: HttpRequest, text: str) -> HttpResponse:
    notes.success(request, text)
    return redirect("people")


def _ask_to_leave(
    request: HttpRequest, user: User, guests: list[VM], form: LeaveForm, status: int
) -> HttpResponse:
    template = "people/_leave.html" if is_partial(request) else "people/leave.html"
    context = {"account": user, "guests": guests, "form": form}
    return render(request, template, context, status=status)


@require_POST
@door
def reactivate(request: HttpRequest, actor: Person, user_id: uuid.UUID) -> HttpResponse:
    """Open a closed account again."""
    user = people.reactivate(actor=actor, user_id=user_id)
    return _done(request, _("The account “%(name)s” is open again.") % {"name": user.username})


@require_POST
@door
def reset_password(request: HttpRequest, actor: Person, user_id: uuid.UUID) -> HttpResponse:
    """Give a new one-time password and show it, this once."""
    password = people.reset_password(actor=actor, user_id=user_id)
    user = selectors.person(actor, user_id)
    return _show_secret(request, user, password, is_new=False)


def _done(request: HttpRequest, text: str) -> HttpResponse:
    return done(request, text, reverse("people"))
