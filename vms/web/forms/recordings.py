"""The form that says whether a guest is recorded."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from vms.models import RecordingPolicy


class PolicyForm(forms.Form):
    """Off, on request or always."""

    recording = forms.ChoiceField(label=_("Record its consoles"), choices=RecordingPolicy.choices)
