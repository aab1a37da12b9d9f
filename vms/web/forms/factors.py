"""Forms about second factors."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.utils.translation import gettext_lazy as _

from vms.models import Role

UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, struct.error)
"""What the parser of passkeys raises for answers that no browser gives."""


@contextmanager
def _nonsense_is_wrong() -> Iterator[None]:
    """Answer what cannot be read as a wrong code; allauth would let the request crash."""
    try:
        yield
    except forms.ValidationError:
        raise
    except UNREADABLE as error:
        raise get_adapter().validation_error("incorrect_code") from error


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """A new passkey; the browser's answer travels in the hidden field."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    passwordless = forms.BooleanField(
        label=_("It may log me in alone, without user name and password"),
        required=False,
        initial=True,
    )

    def clean(self) -> dict[str, Any]:  # Any: as Django has it
        """Check the browser's answer."""
        with _nonsense_is_wrong():
            return super().clean()  # type: ignore[no-any-return]  # as above


class _ShowPasskey:
    """Checks a passkey that is shown; a part of each form below."""

    def clean_credential(self) -> Any:  # Any: allauth's row
        """Check the browser's answer."""
        with _nonsense_is_wrong():
            return super().clean_credential()  # type: ignore[misc]  # of the forms below


class PasskeyForm(_ShowPasskey, AuthenticateWebAuthnForm):  # type: ignore[misc]  # as above
    """A passkey after the password."""


class PasskeyLoginForm(_ShowPasskey, LoginWebAuthnForm):  # type: ignore[misc]  # as above
    """A passkey in place of the password."""


class PasskeyAgainForm(_ShowPasskey, ReauthenticateWebAuthnForm):  # type: ignore[misc]  # as above
    """A passkey of somebody who is logged in already."""


class FactorRuleForm(forms.Form):
    """Which roles need a second factor."""

    roles = forms.MultipleChoiceField(
        label=_("These roles need a second factor"),
        required=False,
        choices=Role.choices,
        widget=forms.CheckboxSelectMultiple,
    )
