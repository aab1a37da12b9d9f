"""How django-allauth behaves here: nobody signs up; log in, log out and change of password."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import ChangePasswordForm
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.views import LoginView as AllauthLoginView
from allauth.account.views import PasswordChangeView as AllauthPasswordChangeView
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages as notes
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from vms.models import User
from vms.services import account, people, registration
from vms.services.account import LOGIN
from vms.web import attempts
from vms.web.door import too_many
from vms.web.person import person

FRESH_S = 300
"""How long after logging in nobody is asked for his password again."""


def _records(request: HttpRequest) -> list[dict[str, Any]]:  # Any: allauth's own shape
    """Give the ways in which whoever is logged in proved who he is, in this session."""
    return list(get_authentication_records(request, request.user))


def _methods(request: HttpRequest, user: User) -> list[str]:
    records = get_authentication_records(request, user)
    return [str(each.get("type") or each["method"]) for each in records]


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Accounts are made by administrators under People, never by strangers."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up by himself."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count an attempt; say how long to wait when there were too many."""
        request.login_key = self._get_login_attempts_cache_key(request, **credentials)  # type: ignore[attr-defined]  # read by the login page
        super().pre_authenticate(request, **credentials)

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        """Make a form's error; too many attempts are an answer of their own, with 429."""
        if code in {"too_many_login_attempts", "rate_limited"}:
            raise ImmediateHttpResponse(too_many(self.request, attempts.left(self.request).wait_s))
        return super().validation_error(code, *args)  # type: ignore[no-any-return]  # as above

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Say that the account is closed, on the login page."""
        if user.is_pending:
            notes.warning(request, _("This account waits for an administrator to let it in."))
        else:
            notes.error(request, _("This account is not active. Ask an administrator."))
        return redirect("account_login")

    def login(self, request: HttpRequest, user: User) -> None:
        """Note in the session when and from where it began, for "My account", and audit it."""
        super().login(request, user)
        request.session[LOGIN] = {
            "at": timezone.now().isoformat(),
            "address": str(request.META.get("REMOTE_ADDR") or ""),
            "agent": request.headers.get("User-Agent", "")[:200],
        }
        account.logged_in(actor=person(request), methods=_methods(request, user))

    def is_reauthentication_required(self, *, app: str) -> bool:
        """Ask for the password again only of those who have not just given it."""
        latest = max((each["at"] for each in _records(self.request)), default=0.0)
        return time.time() - float(latest) > FRESH_S

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Go on to the guests."""
        return reverse("guests")


class LoginView(AllauthLoginView):  # type: ignore[misc]  # allauth ships no types
    """Log in; allauth's links to pages that we do not have are left out."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # Any: as Django has it
        """Give the form and where to go afterwards."""
        context = super(AllauthLoginView, self).get_context_data(**kwargs)
        if context["form"].errors and hasattr(self.request, "login_key"):
            context["left"] = attempts.left(self.request)
        context["sso_name"] = settings.KVMWEB.oidc_name if settings.KVMWEB.oidc_url else ""
        context["can_register"] = registration.is_open()
        return context  # type: ignore[no-any-return]  # as above


class PasswordForm(ChangePasswordForm):  # type: ignore[misc]  # allauth ships no types
    """A change of password that is one: whoever made the one-time password knows it."""

    def clean_password1(self) -> str:
        """Refuse the password that is to be changed."""
        password: str = self.cleaned_data["password1"]
        if self.user.check_password(password):
            raise ValidationError(_("This is the password you have now. Choose another."))
        return password


class PasswordChangeView(AllauthPasswordChangeView):  # type: ignore[misc]  # as above
    """Change the own password, and no longer be asked to."""

    form_class = PasswordForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Send away whoever has no password here, but one in a directory."""
        if isinstance(request.user, User) and not request.user.has_usable_password():
            notes.warning(request, _("Your password is not kept here; change it where you got it."))
            return redirect("account")
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        return response

    def form_valid(self, form: Any) -> HttpResponse:  # Any: allauth's form
        """Note the change through the service, which also audits it."""
        response: HttpResponse = super().form_valid(form)
        people.password_changed(actor=person(self.request))
        return response
