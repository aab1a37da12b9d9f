"""Second factors as pages: allauth's ceremonies in our frame, each change noted by the service.

Recovery codes are shown in the answer to the request that made them and at no address of their own.
"""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal import flows as code_flows
from allauth.mfa.totp.internal import flows as app_flows
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.totp.views import DeactivateTOTPView as AllauthDeactivateTOTPView
from allauth.mfa.webauthn.internal import flows as passkey_flows
from allauth.mfa.webauthn.views import AddWebAuthnView, EditWebAuthnView
from allauth.mfa.webauthn.views import RemoveWebAuthnView as AllauthRemoveWebAuthnView
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from vms import messages
from vms.models import User
from vms.policy import Person
from vms.problems import Refused
from vms.services import factors
from vms.services.secrets import seal, unseal
from vms.web.door import door
from vms.web.person import person


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Names and sealing of second factors."""

    def get_totp_issuer(self) -> str:
        """Name the site as the app lists it, with its host: one may have several."""
        return f"kvmweb {self._get_site_name()}"

    def get_totp_label(self, user: User) -> str:
        """Name the account as the app lists it."""
        return user.username

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """Name a passkey that was given no name."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(number)s") % {"number": count + 1}

    def encrypt(self, text: str) -> str:
        """Seal what the database keeps."""
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Open it again; what another key sealed gives a new secret, which no code fits."""
        return unseal(encrypted_text) or generate_totp_secret()


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the own second factors."""
    needed = actor.user.role in factors.roles_in_need()
    context = {"factors": factors.of(actor=actor), "is_needed": needed}
    return render(request, "mfa/index.html", context)


def _show_codes(request: HttpRequest) -> HttpResponse:
    """Show the recovery codes that were just made, this once."""
    rows = Authenticator.objects.filter(user=request.user, type=factors.CODES)
    codes = [code for row in rows for code in row.wrap().get_unused_codes()]
    response = render(request, "mfa/codes.html", {"codes": codes})
    add_never_cache_headers(response)
    return response


def _added(request: HttpRequest, kind: str, *, has_new_codes: bool) -> HttpResponse:
    factors.changed(actor=person(request), action="account.add-factor", kind=kind)
    return _show_codes(request) if has_new_codes else redirect("mfa_index")


class AddAppView(ActivateTOTPView):  # type: ignore[misc]  # allauth ships no types
    """Add an authenticator app."""

    def form_valid(self, form: Any) -> HttpResponse:  # Any: allauth's form
        """Keep it, and show the recovery codes that came with a first factor."""
        _factor, codes = app_flows.activate_totp(self.request, form)
        return _added(self.request, factors.APP, has_new_codes=bool(codes))


class AddPasskeyView(AddWebAuthnView):  # type: ignore[misc]  # as above
    """Add a passkey or a security key."""

    def form_valid(self, form: Any) -> HttpResponse:  # Any: allauth's form
        """Keep it, and show the recovery codes that came with a first factor."""
        data = form.cleaned_data
        _factor, codes = passkey_flows.add_authenticator(
            self.request, name=data["name"], credential=data["credential"]
        )
        return _added(self.request, factors.PASSKEY, has_new_codes=bool(codes))


class RenamePasskeyView(EditWebAuthnView):  # type: ignore[misc]  # as above
    """Give a passkey another name."""

    def get_success_url(self) -> str:
        """Go back to the factors."""
        return _index()


def _index() -> str:
    return redirect("mfa_index").url


def _refused(request: HttpRequest) -> HttpResponse | None:
    """Say so where the factor must stay."""
    try:
        factors.require_removable(actor=person(request))
    except Refused as problem:
        notes.error(request, messages.sentence(problem))
        return redirect("mfa_index")
    return None


class RemoveAppView(AllauthDeactivateTOTPView):  # type: ignore[misc]  # as above
    """Remove the authenticator app; asked by a form of the page, never looked at."""

    http_method_names = ["post"]

    def form_valid(self, form: Any) -> HttpResponse:  # Any: allauth's form
        """Remove it unless the role needs it."""
        if refusal := _refused(self.request):
            return refusal
        response: HttpResponse = super().form_valid(form)
        _removed(self.request, factors.APP)
        return response


class RemovePasskeyView(AllauthRemoveWebAuthnView):  # type: ignore[misc]  # as above
    """Remove a passkey; asked by a form of the page, never looked at."""

    http_method_names = ["post"]

    def get_success_url(self) -> str:
        """Go back to the factors."""
        return _index()

    def form_valid(self, form: Any) -> HttpResponse:  # Any: Django's form
        """Remove it unless the role needs it."""
        if refusal := _refused(self.request):
            return refusal
        response: HttpResponse = super().form_valid(form)
        _removed(self.request, factors.PASSKEY)
        return response


def _removed(request: HttpRequest, kind: str) -> None:
    factors.changed(actor=person(request), action="account.remove-factor", kind=kind)


@require_POST
@reauthentication_required(app="allauth.mfa")  # type: ignore[untyped-decorator]  # allauth's
def new_codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes in place of the old ones and show them, this once."""
    if not code_flows.can_generate_recovery_codes(request.user):
        return redirect("mfa_index")
    code_flows.generate_recovery_codes(request)
    factors.changed(actor=person(request), action="account.new-codes", kind=factors.CODES)
    return _show_codes(request)
