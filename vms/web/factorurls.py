"""Addresses of second factors, under the names by which allauth looks for them."""

from __future__ import annotations

from allauth.mfa.base.views import authenticate, reauthenticate
from allauth.mfa.webauthn.views import login_webauthn, reauthenticate_webauthn
from django.contrib.auth.decorators import login_required
from django.urls import path
from django.views.generic import RedirectView

from vms.web import factors

FACTORS = "account/factors/"

urlpatterns = [
    path(FACTORS, factors.page, name="mfa_index"),
    path(f"{FACTORS}ask/", authenticate, name="mfa_authenticate"),
    path(f"{FACTORS}again/", reauthenticate, name="mfa_reauthenticate"),
    path(
        f"{FACTORS}app/add/", login_required(factors.AddAppView.as_view()), name="mfa_activate_totp"
    ),
    path(
        f"{FACTORS}app/remove/",
        login_required(factors.RemoveAppView.as_view()),
        name="mfa_deactivate_totp",
    ),
    path(f"{FACTORS}codes/", factors.new_codes, name="mfa_generate_recovery_codes"),
    path(
        f"{FACTORS}passkeys/",
        RedirectView.as_view(pattern_name="mfa_index"),
        name="mfa_list_webauthn",
    ),
    path(
        f"{FACTORS}passkeys/add/",
        login_required(factors.AddPasskeyView.as_view()),
        name="mfa_add_webauthn",
    ),
    path(f"{FACTORS}passkeys/login/", login_webauthn, name="mfa_login_webauthn"),
    path(f"{FACTORS}passkeys/again/", reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path(
        f"{FACTORS}passkeys/<int:pk>/remove/",
        login_required(factors.RemovePasskeyView.as_view()),
        name="mfa_remove_webauthn",
    ),
    path(
        f"{FACTORS}passkeys/<int:pk>/name/",
        login_required(factors.RenamePasskeyView.as_view()),
        name="mfa_edit_webauthn",
    ),
]
