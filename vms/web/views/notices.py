"""Notices: the menu behind the bell, and marking them as read."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from vms.policy import Person
from vms.services import notices
from vms.web.door import back, door, is_partial


@require_safe
@door
def menu(request: HttpRequest, actor: Person) -> HttpResponse:
    """Give the bell with its menu."""
    return render(request, "notices/_bell.html")


@require_POST
@door
def read(request: HttpRequest, actor: Person, notice_id: uuid.UUID) -> HttpResponse:
    """Mark one as read."""
    notices.mark_read(actor=actor, notice_id=str(notice_id))
    return _menu_again(request)


@require_POST
@door
def read_all(request: HttpRequest, actor: Person) -> HttpResponse:
    """Mark all as read."""
    notices.mark_all_read(actor=actor)
    return _menu_again(request)


def _menu_again(request: HttpRequest) -> HttpResponse:
    if is_partial(request):
        return render(request, "notices/_bell.html")
    return redirect(back(request, "guests"))
