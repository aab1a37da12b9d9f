"""Forms of one's own account."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from vms import languages, messages
from vms.models import TokenScope
from vms.services import notices
from vms.web.forms.fields import LinesField


class ProfileForm(forms.Form):
    """The full name and the language."""

    full_name = forms.CharField(
        label=_("Full name"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    language = forms.ChoiceField(label=_("Language"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        choices = [(languages.AS_ASKED, _("As the browser asks")), *languages.offered()]
        self.fields["language"].choices = choices  # type: ignore[attr-defined]  # a choice field


class MailForm(forms.Form):
    """Where mails go, and which."""

    email = forms.EmailField(
        label=_("E-mail address"),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    kinds = forms.MultipleChoiceField(
        label=_("By mail too"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        choices = [(kind, messages.notice_choice(kind)) for kind in notices.KINDS]
        self.fields["kinds"].choices = choices  # type: ignore[attr-defined]  # a choice field


class KeysForm(forms.Form):
    """SSH keys as pasted."""

    ssh_keys = LinesField(label=_("Add SSH keys"), rows=3)


class TokenForm(forms.Form):
    """A new token."""

    name = forms.CharField(
        label=_("Name of the new token"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    scope = forms.ChoiceField(
        label=_("What it may do"),
        choices=TokenScope.choices,
        initial=TokenScope.ALL,
        required=False,
    )
    expires_on = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def expires_at(self) -> datetime | None:
        """Return the end of the last day in the time zone of the pages; None for never."""
        day = self.cleaned_data["expires_on"]
        return timezone.make_aware(datetime.combine(day, time.max)) if day else None
