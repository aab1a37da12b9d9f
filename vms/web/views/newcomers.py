"""People who come: by a list, by invitation, or waiting to be let in. For administrators."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from vms.policy import Action, Person, can
from vms.problems import Forbidden, Problem
from vms.services import invitations, mail, registration, rosters
from vms.web.door import done, door
from vms.web.forms.newcomers import InviteForm, RosterForm
from vms.web.forms.problems import SHOWN, add_problems


def _require_manager(actor: Person) -> None:
    if not can(actor, Action.PEOPLE_MANAGE):
        raise Forbidden("forbidden", action=Action.PEOPLE_MANAGE.value)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def roster(request: HttpRequest, actor: Person) -> HttpResponse:
    """Check a list, and make its accounts when it is sent again with `add`."""
    _require_manager(actor)
    form = RosterForm(request.POST or None, request.FILES or None)
    lines: tuple[rosters.Line, ...] = ()
    if form.is_valid():
        text = form.cleaned_data["text"]
        try:
            if "add" in request.POST:
                made = rosters.add_all(actor=actor, text=text)
                return _show_passwords(request, made)
            lines = rosters.check(actor=actor, text=text)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            form = RosterForm(initial={"text": text})
    is_good = bool(lines) and not any(line.problems for line in lines)
    context = {
        "form": form,
        "rows": [_row(line) for line in lines],
        "is_good": is_good,
        "columns": rosters.COLUMNS,
    }
    return render(request, "people/roster.html", context, status=422 if form.errors else 200)


Cell = tuple[str, str, Problem | None]


def _row(line: rosters.Line) -> tuple[int, list[Cell], Problem | None]:
    """Give a line as its number, its cells with what is wrong in each, and what is too much."""
    cells = [(name, line.values[name], line.problems.get(name)) for name in rosters.COLUMNS]
    return line.number, cells, line.problems.get("extra")


def _show_passwords(request: HttpRequest, made: Iterable[rosters.Made]) -> HttpResponse:
    rows = list(made)
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["username", "full_name", "password"])
    writer.writerows([each.username, _harmless(each.full_name), each.password] for each in rows)
    link = f"data:text/csv;charset=utf-8,{quote(file.getvalue())}"
    return render(request, "people/passwords.html", {"rows": rows, "link": link})


def _harmless(text: str) -> str:
    """Keep a spreadsheet from running what somebody put into a name."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


@require_http_methods(["GET", "HEAD", "POST"])
@door
def invite(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the open invitations, and make a new one, whose link is shown this once."""
    _require_manager(actor)
    form = InviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        data = {**form.cleaned_data, "group_id": form.cleaned_data["group"] or None}
        data.pop("group")
        try:
            invitation, secret = invitations.invite(actor=actor, **data)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            url = request.build_absolute_uri(reverse("join", args=[secret]))
            state = invitations.deliver(invitation=invitation, url=url)
            context = {"invitation": invitation, "url": url, "mailed": state}
            return render(request, "people/invited.html", context)
    context = {
        "form": form,
        "invitations": invitations.open_ones(actor=actor),
        "can_mail": mail.is_configured(),
    }
    return render(request, "people/invite.html", context, status=422 if form.errors else 200)


@require_POST
@door
def uninvite(request: HttpRequest, actor: Person, invitation_id: uuid.UUID) -> HttpResponse:
    """Make a link worth nothing."""
    invitations.revoke(actor=actor, invitation_id=invitation_id)
    return done(request, _("The invitation is revoked."), reverse("people-invite"))


@require_POST
@door
def admit(request: HttpRequest, actor: Person, user_id: uuid.UUID) -> HttpResponse:
    """Let somebody in who registered."""
    user = registration.admit(actor=actor, user_id=user_id)
    return _done(request, _("“%(name)s” may log in now.") % {"name": user.username})


@require_POST
@door
def turn_away(request: HttpRequest, actor: Person, user_id: uuid.UUID) -> HttpResponse:
    """Delete the account of somebody who registered."""
    user = registration.turn_away(actor=actor, user_id=user_id)
    return _done(request, _("“%(name)s” is turned away.") % {"name": user.username})


def _done(request: HttpRequest, text: str) -> HttpResponse:
    return done(request, text, reverse("people"))
