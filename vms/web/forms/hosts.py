"""Forms of a host."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vms.models import Host


class ConsolesForm(forms.Form):
    """Which way the screens of its guests take."""

    console_gateway_url = forms.CharField(
        label=_("Address of the console gateway"),
        required=False,
        max_length=255,
        widget=forms.TextInput(
            attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}
        ),
    )

    def __init__(self, *args: Any, host: Host, **kwargs: Any) -> None:
        # Any: as forms.Form takes them
        self.host_id = host.pk
        kwargs["initial"] = {"console_gateway_url": host.console_gateway_url}
        kwargs["auto_id"] = f"id_%s_{host.pk}"
        super().__init__(*args, **kwargs)
