"""Forms by which accounts come to be: lists, invitations, joining, registering."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vms.models import Group, Role
from vms.web.forms.fields import CountField, LinesField

MAX_FILE_BYTES = 200_000


class RosterForm(forms.Form):
    """A CSV list, pasted or as a file; the file counts where both are there."""

    text = LinesField(label=_("The list"), rows=10, required=False)
    file = forms.FileField(
        label=_("Or a file"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv,text/plain"}),
    )

    def clean(self) -> dict[str, Any]:  # Any: as Django has it
        """Take the text of the file where there is one."""
        data = super().clean() or {}
        if file := data.get("file"):
            if file.size > MAX_FILE_BYTES:
                raise forms.ValidationError({"file": _("This file is too large for a list.")})
            try:
                data["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise forms.ValidationError(
                    {"file": _("This file is not text in UTF-8; save it as “CSV UTF-8”.")}
                ) from None
        return data


class InviteForm(forms.Form):
    """A new invitation."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.USER)
    group = forms.ChoiceField(label=_("Group"), required=False)
    email = forms.CharField(
        label=_("E-mail address"),
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    days = CountField(label=_("Works for"), initial=7)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        groups = [(str(group.pk), group.name) for group in Group.objects.all()]
        self.fields["group"].choices = [("", _("none")), *groups]  # type: ignore[attr-defined]  # a choice field


class JoinForm(forms.Form):
    """An account that somebody makes for himself."""

    username = forms.CharField(
        label=_("User name"),
        widget=forms.TextInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
    )
    full_name = forms.CharField(
        label=_("Full name"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label=_("Password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:  # Any: as Django has it
        """Compare the passwords."""
        data = super().clean() or {}
        if "password" in data and data["password"] != data.get("password2"):
            self.add_error("password2", _("The two passwords differ."))
        return data


class RegisterForm(JoinForm):
    """An account that a stranger asks for."""

    email = forms.CharField(
        label=_("E-mail address"),
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    field_order = ("username", "full_name", "email", "password", "password2")
