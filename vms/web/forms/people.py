"""Forms about accounts."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from vms.models import Role


class AddPersonForm(forms.Form):
    """A new account."""

    username = forms.CharField(
        label=_("User name"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    full_name = forms.CharField(label=_("Full name"), required=False, max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.USER)


class RoleForm(forms.Form):
    """The role of an account."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
