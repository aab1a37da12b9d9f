"""How django-allauth behaves here: nobody signs up.

Only log in, log out and change of password are offered.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import ChangePasswordForm
from allauth.account.views import LoginView as AllauthLoginView
from allauth.account.views import PasswordChangeView as AllauthPasswordChangeView
from django.contrib import messages as notes
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from vms.models import User
from vms.services import people
from vms.services.account import LOGIN
from vms.web.person import person


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Accounts are made by administrators under People, never by strangers."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up by himself."""
        return False

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Say that the account is closed, on the login page."""
        notes.error(request, _("This account is not active. Ask an administrator."))
        return redirect("account_login")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Go on to the guests."""
        return reverse("guests")


class LoginView(AllauthLoginView):  # type: ignore[misc]  # allauth ships no types
    """Log in; allauth's links to pages that we do not have are left out."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # Any: as Django has it
        """Give the form and where to go afterwards."""
        return super(AllauthLoginView, self).get_context_data(**kwargs)  # type: ignore[no-any-return]

    def form_valid(self, form: Any) -> HttpResponse:  # Any: allauth's form
        """Note in the session when and from where it began, for "My account"."""
        response: HttpResponse = super().form_valid(form)
        if self.request.user.is_authenticated:
            self.request.session[LOGIN] = {
                "at": timezone.now().isoformat(),
                "address": str(self.request.META.get("REMOTE_ADDR") or ""),
                "agent": self.request.headers.get("User-Agent", "")[:200],
            }
        return response


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

    def form_valid(self, form: Any) -> HttpResponse:  # Any: allauth's form
        """Note the change through the service, which also audits it."""
        response: HttpResponse = super().form_valid(form)
        people.password_changed(actor=person(self.request))
        return response
