"""The form of a link for somebody without an account."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from vms.services import consoles
from vms.services.links import LinkWish
from vms.web.consolepage import Panel

LIVES = (
    (1, _("1 hour")),
    (8, _("8 hours")),
    (24, _("1 day")),
    (24 * 7, _("1 week")),
    (24 * 30, _("30 days")),
)
MODES = (
    (consoles.VIEW, _("Watch only")),
    (consoles.CONTROL, _("Watch, and use it when nobody else does")),
)


class LinkForm(forms.Form):
    """A new link."""

    name = forms.CharField(
        label=_("Whom it is for"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    panel = forms.ChoiceField(label=_("What it opens"))
    mode = forms.ChoiceField(label=_("What can be done"), choices=MODES)
    hours = forms.TypedChoiceField(
        label=_("How long it works"), choices=LIVES, coerce=int, initial=24
    )
    uses = forms.IntegerField(label=_("How often it can be opened"), required=False)
    passphrase = forms.CharField(
        label=_("Passphrase"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: object, panels: list[Panel], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments
        self._panels = {panel.key: panel for panel in panels}
        choices = [(panel.key, panel.label) for panel in panels]
        self.fields["panel"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField

    def wish(self) -> LinkWish:
        """Return what was filled in."""
        data = self.cleaned_data
        panel = self._panels[data["panel"]]
        return LinkWish(
            name=data["name"],
            expires_at=timezone.now() + timedelta(hours=data["hours"]),
            mode=data["mode"],
            kind=panel.kind,
            device=panel.device,
            uses=data["uses"],
            passphrase=data["passphrase"],
        )
