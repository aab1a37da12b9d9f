"""The form of a template that is made of a guest."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vms import messages
from vms.services.template_copies import CopyPreview, CopyWish
from vms.web.forms.fields import LinesField


class CopyForm(forms.Form):
    """Name and place of the copy, and whether it is cleaned."""

    name = forms.CharField(label=_("Name of the template"), strip=False)
    description = LinesField(label=_("Description"), required=False, rows=2)
    pool = forms.ChoiceField(label=_("Pool"), required=False)
    is_cleaned = forms.BooleanField(
        label=_(
            "Take out the identity of the guest (host keys, machine id, logs) with virt-sysprep"
        ),
        required=False,
    )

    def __init__(self, *args: Any, shown: CopyPreview, **kwargs: Any) -> None:
        # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        pools = [("", _("that of each disk")), *((name, name) for name in shown.pools)]
        self.fields["pool"].choices = pools  # type: ignore[attr-defined]
        if shown.clean_reason:
            self.fields["is_cleaned"].disabled = True
            self.fields["is_cleaned"].help_text = messages.sentence_for(shown.clean_reason)

    def wish(self) -> CopyWish:
        """Return what was asked for; call only when the form is valid."""
        return CopyWish(**self.cleaned_data)
