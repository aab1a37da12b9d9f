"""The forms of images that come from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vms import messages
from vms.models import Pool
from vms.services.fetching import UrlRequest

FIELD_NAMES: dict[str, str] = {}


def pool_choices(pools: Iterable[Pool]) -> list[tuple[str, str]]:
    """Word the pools with what they have left."""
    return [
        (str(pool.pk), _("%(name)s (%(free)s free)") % _words(pool))
        for pool in pools
        if pool.is_active
    ]


def _words(pool: Pool) -> dict[str, str]:
    return {"name": pool.name, "free": messages.size(pool.available_bytes)}


class UrlForm(forms.Form):
    """An address, and what is known of what lies there."""

    url = forms.CharField(
        label=_("Address"),
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    checksum = forms.CharField(
        label=_("Checksum"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    pool = forms.ChoiceField(label=_("Storage pool"))

    def __init__(
        self, *args: Any, pools: Iterable[Pool], **kwargs: Any
    ) -> None:  # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        self.fields["pool"].choices = pool_choices(pools)  # type: ignore[attr-defined]  # Field

    def wanted(self) -> UrlRequest:
        """Give what the service takes."""
        data = self.cleaned_data
        return UrlRequest(url=data["url"], pool_id=data["pool"], checksum=data["checksum"])
