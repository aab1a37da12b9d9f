"""Forms about accounts."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vms.models import Role, User


class AddPersonForm(forms.Form):
    """A new account."""

    username = forms.CharField(
        label=_("User name"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    full_name = forms.CharField(label=_("Full name"), required=False, max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.USER)


NOBODY = "nobody"


class LeaveForm(forms.Form):
    """Who takes the guests of an account that is closed."""

    heir = forms.ChoiceField(label=_("Who takes the guests?"))

    def __init__(self, *args: Any, heirs: Iterable[User], **kwargs: Any) -> None:
        # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        names = [(str(each.pk), f"{each.username} {each.first_name}".strip()) for each in heirs]
        choices = [("", _("Choose…")), (NOBODY, _("Nobody: they have no owner")), *names]
        self.fields["heir"].choices = choices  # type: ignore[attr-defined]  # a choice field

    def heir_id(self) -> uuid.UUID | None:
        """Return who was chosen; None for nobody."""
        chosen = self.cleaned_data["heir"]
        return None if chosen == NOBODY else uuid.UUID(chosen)


class GroupForm(forms.Form):
    """Name and description of a group."""

    name = forms.CharField(label=_("Name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class MemberForm(forms.Form):
    """Somebody for a group, by his exact user name."""

    username = forms.CharField(
        label=_("User name"),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )


class RoleForm(forms.Form):
    """The role of an account."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
