"""The form above the activity: what it asks for stands in the address."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from vms import messages
from vms.models import AuditPhase
from vms.selectors import AuditFilter


class ActivityForm(forms.Form):
    """Which lines; a field that cannot be read says so and filters nothing."""

    q = forms.CharField(label=_("Text"), required=False, max_length=200)
    person = forms.CharField(label=_("Person"), required=False, max_length=150)
    action = forms.ChoiceField(label=_("Action"), required=False)
    result = forms.ChoiceField(label=_("Result"), required=False)
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        actions = sorted((messages.action_label(name), name) for name in messages.ACTIONS)
        self.fields["action"].choices = [  # type: ignore[attr-defined]  # a ChoiceField's
            ("", _("any")),
            *((name, label) for label, name in actions),
        ]
        self.fields["result"].choices = [  # type: ignore[attr-defined]  # as above
            ("", _("any")),
            *((phase, messages.outcome_label(phase)) for phase in AuditPhase.values),
        ]
        for name in ("q", "person"):
            self.fields[name].widget.attrs.update({"autocomplete": "off", "spellcheck": "false"})
        self.fields["person"].widget.attrs["list"] = "people-known"

    def wanted(self) -> AuditFilter:
        """Return what was asked for, in the time zone of the pages; both days are included."""
        self.is_valid()
        data = self.cleaned_data
        until = data.get("until")
        return AuditFilter(
            person=data.get("person", ""),
            action=data.get("action", ""),
            phase=data.get("result", ""),
            since=_midnight(data.get("since")),
            until=_midnight(until + timedelta(days=1)) if until else None,
            text=data.get("q", ""),
        )


def _midnight(day: Any) -> datetime | None:  # Any: a date or None, as cleaned_data has it
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None
