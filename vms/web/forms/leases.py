"""Forms of leases: the end of one guest, and the rule of a group or of everybody."""

from __future__ import annotations

from datetime import datetime, time

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from vms.services.leases import Rule
from vms.web.forms.fields import CountField


class LeaseForm(forms.Form):
    """The last day of a guest; empty for none."""

    until = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def end(self) -> datetime | None:
        """Return the end of that day in the time zone of the pages."""
        day = self.cleaned_data["until"]
        return timezone.make_aware(datetime.combine(day, time.max)) if day else None


class LeaseRuleForm(forms.Form):
    """How long guests live."""

    default_days = CountField(label=_("Days of a new guest"), required=False)
    max_days = CountField(label=_("Days to extend, at most"), required=False)
    grace_days = CountField(label=_("Days until it is deleted"), required=False)

    @classmethod
    def of(cls, rule: Rule, data: QueryDict | None = None) -> LeaseRuleForm:
        """Make the form of a rule, or what was sent of it."""
        first = {
            "default_days": rule.default_days,
            "max_days": rule.max_days,
            "grace_days": rule.grace_days,
        }
        return cls(data, initial=first)

    def rule(self) -> Rule:
        """Return what was typed; call only when the form is valid."""
        data, usual = self.cleaned_data, Rule()
        grace = data["grace_days"]
        return Rule(
            data["default_days"], data["max_days"], usual.grace_days if grace is None else grace
        )
