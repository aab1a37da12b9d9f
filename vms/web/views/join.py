"""Making one's own account: by an invitation link, or by registering where that is allowed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib import messages as notes
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from vms.problems import NotFound, TooMany
from vms.services import invitations, registration
from vms.web.door import too_many
from vms.web.forms.newcomers import JoinForm, RegisterForm
from vms.web.forms.problems import SHOWN, add_problems

View = Callable[..., HttpResponse]


def stranger(view: View) -> View:
    """Answer the problems of a page that needs no login."""

    @wraps(view)
    def wrapped(request: HttpRequest, **parts: str) -> HttpResponse:
        try:
            response = view(request, **parts)
        except NotFound:
            raise Http404 from None
        except TooMany as problem:
            response = too_many(request, problem.wait_s)
        add_never_cache_headers(response)
        return response

    return wrapped


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")[:45]


@require_http_methods(["GET", "HEAD", "POST"])
@stranger
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """Make the account of an invitation."""
    invitation = invitations.find(secret=secret, address=_address(request))
    form = JoinForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        data = _chosen(form)
        try:
            invitations.accept(secret=secret, address=_address(request), **data)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            notes.success(request, _("Your account is made. Log in to go on."))
            return redirect("account_login")
    context = {"form": form, "invitation": invitation}
    return render(request, "account/join.html", context, status=422 if form.errors else 200)


def _chosen(form: JoinForm) -> dict[str, str]:
    return {name: value for name, value in form.cleaned_data.items() if name != "password2"}


@require_http_methods(["GET", "HEAD", "POST"])
@stranger
def register(request: HttpRequest) -> HttpResponse:
    """Ask for an account."""
    if not registration.is_open():
        raise NotFound("registration")
    form = RegisterForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            registration.register(address=_address(request), **_chosen(form))
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            notes.success(
                request, _("You are registered. An administrator lets you in; then log in here.")
            )
            return redirect("account_login")
    return render(
        request, "account/register.html", {"form": form}, status=422 if form.errors else 200
    )
