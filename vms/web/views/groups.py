"""Groups of people: their members, managers, and the guests that they share."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vms import circles
from vms.models import Group
from vms.policy import Action, Person, can
from vms.problems import Forbidden
from vms.services import groups
from vms.web.door import done, door
from vms.web.forms.people import GroupForm, MemberForm
from vms.web.forms.problems import SHOWN, add_problems


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the groups that the person is in, or all to those who look after people."""
    context = {
        "groups": circles.counted_groups(actor),
        "can_manage": can(actor, Action.GROUP_MANAGE),
        "sees_people": can(actor, Action.PEOPLE_VIEW),
    }
    return render(request, "groups/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def add(request: HttpRequest, actor: Person) -> HttpResponse:
    """Make a group."""
    if not can(actor, Action.GROUP_MANAGE):
        raise Forbidden("forbidden", action=Action.GROUP_MANAGE.value)
    form = GroupForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = groups.create(actor=actor, **form.cleaned_data)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            done(request, _("The group is made. Add its members now."), reverse("groups"))
            return redirect("group", made.pk)
    status = 422 if form.is_bound else 200
    return render(request, "groups/form.html", {"form": form, "group": None}, status=status)


@require_safe
@door
def detail(request: HttpRequest, actor: Person, group_id: uuid.UUID) -> HttpResponse:
    """Show one group."""
    return _show(request, actor, circles.group(actor, group_id), MemberForm())


def _show(
    request: HttpRequest, actor: Person, group: Group, form: MemberForm, status: int = 200
) -> HttpResponse:
    context = {
        "group": group,
        "members": circles.members(actor, group),
        "shares": circles.group_shares(actor, group),
        "form": form,
        "me": actor.user,
        "can_add": can(actor, Action.GROUP_ADD_MEMBERS, group),
        "can_manage": can(actor, Action.GROUP_MANAGE, group),
    }
    return render(request, "groups/group.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def edit(request: HttpRequest, actor: Person, group_id: uuid.UUID) -> HttpResponse:
    """Change name and description."""
    group = circles.group(actor, group_id, Action.GROUP_MANAGE)
    first = {"name": group.name, "description": group.description}
    form = GroupForm(request.POST if request.method == "POST" else None, initial=first)
    if form.is_valid():
        try:
            groups.edit(actor=actor, group_id=group_id, **form.cleaned_data)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return done(request, _("The group is saved."), _page(group_id))
    status = 422 if form.is_bound else 200
    return render(request, "groups/form.html", {"form": form, "group": group}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def delete(request: HttpRequest, actor: Person, group_id: uuid.UUID) -> HttpResponse:
    """Ask, then delete a group."""
    group = circles.group(actor, group_id, Action.GROUP_MANAGE)
    if request.method == "POST":
        groups.delete(actor=actor, group_id=group_id)
        text = _("The group “%(name)s” is deleted.") % {"name": group.name}
        return done(request, text, reverse("groups"))
    context = {
        "group": group,
        "members": circles.members(actor, group),
        "shares": circles.group_shares(actor, group),
    }
    return render(request, "groups/delete.html", context)


@require_POST
@door
def add_member(request: HttpRequest, actor: Person, group_id: uuid.UUID) -> HttpResponse:
    """Add somebody by his user name."""
    group = circles.group(actor, group_id, Action.GROUP_ADD_MEMBERS)
    form = MemberForm(request.POST)
    if form.is_valid():
        try:
            made = groups.add_member(actor=actor, group_id=group_id, **form.cleaned_data)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            text = _("“%(name)s” is in the group now.") % {"name": made.user.username}
            return done(request, text, _page(group_id))
    return _show(request, actor, group, form, 422)


@require_POST
@door
def remove_member(
    request: HttpRequest, actor: Person, group_id: uuid.UUID, user_id: uuid.UUID
) -> HttpResponse:
    """Take somebody out."""
    groups.remove_member(actor=actor, group_id=group_id, user_id=user_id)
    return done(request, _("Removed from the group."), _page(group_id))


@require_POST
@door
def set_manager(
    request: HttpRequest, actor: Person, group_id: uuid.UUID, user_id: uuid.UUID
) -> HttpResponse:
    """Make somebody manager, or no longer."""
    is_manager = request.POST.get("manager") == "1"
    groups.set_manager(actor=actor, group_id=group_id, user_id=user_id, is_manager=is_manager)
    text = _("Manages the group now.") if is_manager else _("No longer manages the group.")
    return done(request, text, _page(group_id))


def _page(group_id: uuid.UUID) -> str:
    return reverse("group", args=[group_id])
