"""Logging in by OpenID Connect: allauth's flow, our accounts, and what the provider's claims mean.

An account is found by the provider's own id of the person, never by name or e-mail address: a
provider's "admin" is not ours.
"""

from __future__ import annotations

from typing import Any

import requests
import structlog
from allauth.account.views import LogoutView as AllauthLogoutView
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.openid_connect import views as allauth_views
from django.conf import settings
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from vms.models import User
from vms.services import directory
from vms.services.directory import Meaning

log = structlog.get_logger(__name__)

PROVIDER = "sso"
END_SESSION = "kvmweb_end_session"
"""Where a session that began at the provider keeps the address that ends it there too."""
FAILURES = (requests.RequestException, KeyError, ValueError)


def is_configured() -> bool:
    """Say whether the operator has named a provider."""
    return bool(settings.KVMWEB.oidc_url)


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Accounts are made at the first login; claims say role and groups at each."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Whoever the provider lets in gets an account."""
        return True

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Ask nothing: the provider has said who it is."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Bring role and groups of somebody who has been here up to date."""
        if sociallogin.is_existing:
            _apply(sociallogin.user, sociallogin)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """Make the account of somebody who comes for the first time."""  # Any: allauth's form
        user: User = super().save_user(request, sociallogin, form)
        _apply(user, sociallogin)
        return user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,  # Any: allauth's provider
        error: Any = None,  # Any: a code or an exception
        exception: Exception | None = None,
        extra_context: object = None,
    ) -> None:
        """Go back to the login page with a sentence."""
        log.warning("sso-failed", error=str(error), reason=str(exception or ""))
        raise ImmediateHttpResponse(failed(request))


def _apply(user: User, sociallogin: SocialLogin) -> None:
    env = settings.KVMWEB
    extra = sociallogin.account.extra_data or {}
    parts = [extra, extra.get("id_token") or {}, extra.get("userinfo") or {}]
    names = {str(each) for part in parts for each in _list(part.get(env.oidc_groups_claim))}
    meaning = Meaning(groups=env.oidc_groups, roles=env.oidc_roles)
    directory.apply(user=user, names=names, meaning=meaning, source="single sign-on")


def _list(claim: object) -> list[object]:
    if isinstance(claim, list):
        return claim
    return [claim] if isinstance(claim, str) else []


def failed(request: HttpRequest) -> HttpResponse:
    """Say that the provider did not let him in, on the login page."""
    text = _("%(name)s did not work; try again or log in with a password. The log says why.")
    notes.error(request, text % {"name": settings.KVMWEB.oidc_name})
    return redirect("account_login")


@require_POST
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send somebody to the provider."""
    try:
        response: HttpResponse = allauth_views.login(request, provider_id)
    except FAILURES as error:
        log.warning("sso-unreachable", error=str(error))
        return failed(request)
    return response


@require_safe
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Take somebody back from the provider."""
    try:
        response: HttpResponse = allauth_views.callback(request, provider_id)
        if request.user.is_authenticated:
            _remember_end(request, provider_id)
    except FAILURES as error:
        log.warning("sso-unreachable", error=str(error))
        return failed(request)
    return response


def _remember_end(request: HttpRequest, provider_id: str) -> None:
    adapter = allauth_views.OpenIDConnectOAuth2Adapter(request, provider_id)
    if address := adapter.openid_config.get("end_session_endpoint"):
        request.session[END_SESSION] = str(address)


class LogoutView(AllauthLogoutView):  # type: ignore[misc]  # allauth ships no types
    """Log out here, and at the provider where the session began there."""

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:  # Any: as Django has it
        """Log out, then go where that ends."""
        address = self.request.session.get(END_SESSION, "")
        response: HttpResponse = super().post(*args, **kwargs)
        if not address:
            return response
        query = {
            "client_id": settings.KVMWEB.oidc_client_id,
            "post_logout_redirect_uri": self.request.build_absolute_uri(reverse("account_login")),
        }
        return HttpResponseRedirect(f"{address}?{urlencode(query)}")
