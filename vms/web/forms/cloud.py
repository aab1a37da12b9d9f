"""The fields of cloud-init: those of a new guest, and of one that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vms.services.cloud import AddressWish, CloudWish
from vms.web.forms.fields import LinesField

NO_AUTOCOMPLETE = {"autocomplete": "off", "spellcheck": "false"}
NIC_FIELDS = ("addresses", "gateways", "nameservers")
CLOUD_FIELDS = (
    "hostname",
    "user",
    "password",
    "ssh_keys",
    "packages",
    "timezone",
    "locale",
    "user_data",
)


def words(text: str) -> tuple[str, ...]:
    """Split at spaces, commas and line ends."""
    return tuple(text.replace(",", " ").split())


def lines(text: str) -> tuple[str, ...]:
    """Split at line ends, without those that are empty."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


@dataclass(frozen=True, slots=True)
class NicFields:
    """The fields of one interface, under its name."""

    label: str
    fields: tuple[forms.BoundField, ...]


class SystemFields(forms.Form):
    """What cloud-init sets up in the guest's system; a template proposes it."""

    packages = forms.CharField(
        label=_("Packages"), required=False, widget=forms.TextInput(attrs=NO_AUTOCOMPLETE)
    )
    timezone = forms.CharField(
        label=_("Time zone"),
        required=False,
        widget=forms.TextInput(attrs={**NO_AUTOCOMPLETE, "placeholder": "Europe/Berlin"}),
    )
    locale = forms.CharField(
        label=_("Locale"),
        required=False,
        widget=forms.TextInput(attrs={**NO_AUTOCOMPLETE, "placeholder": "de_DE.UTF-8"}),
    )


class CloudForm(SystemFields):
    """What a guest is told by cloud-init, with the addresses of each of its interfaces."""

    hostname = forms.CharField(
        label=_("Host name"), required=False, widget=forms.TextInput(attrs=NO_AUTOCOMPLETE)
    )
    user = forms.CharField(
        label=_("User in the guest"), required=False, widget=forms.TextInput(attrs=NO_AUTOCOMPLETE)
    )
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(render_value=True, attrs={"autocomplete": "new-password"}),
    )
    ssh_keys = forms.CharField(
        label=_("SSH keys"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, **NO_AUTOCOMPLETE}),
    )
    user_data = LinesField(label=_("More cloud-config (YAML)"), required=False, rows=8)

    def __init__(self, *args: Any, nics: Sequence[str] = (), **kwargs: Any) -> None:
        # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        self._nics = tuple(nics)
        self.fields["user_data"].widget.attrs.update({**NO_AUTOCOMPLETE, "data-numbered": ""})
        for index in range(len(self._nics)):
            for name, label in self._labels().items():
                self.fields[f"nic_{index}_{name}"] = forms.CharField(
                    label=label, required=False, widget=forms.TextInput(attrs=NO_AUTOCOMPLETE)
                )

    @staticmethod
    def _labels() -> dict[str, Any]:  # Any: lazy texts
        return {
            "addresses": _("Addresses"),
            "gateways": _("Gateways"),
            "nameservers": _("Name servers"),
        }

    def drop_cloud_fields(self) -> None:
        """Leave out everything about cloud-init: the image does not read it."""
        own = [f"nic_{index}_{name}" for index in range(len(self._nics)) for name in NIC_FIELDS]
        for name in (*CLOUD_FIELDS, *own):
            del self.fields[name]
        self._nics = ()

    @property
    def nic_groups(self) -> list[NicFields]:
        """The fields of each interface."""
        return [
            NicFields(label, tuple(self[f"nic_{index}_{name}"] for name in NIC_FIELDS))
            for index, label in enumerate(self._nics)
        ]

    @property
    def has_folded_errors(self) -> bool:
        """True when a field that is folded away is wrong."""
        shown = {"user", "password", "ssh_keys"}
        return any(
            name in CLOUD_FIELDS or name.startswith("nic_")
            for name in self.errors
            if name not in shown
        )

    def problem_names(self) -> dict[str, str]:
        """Say which field shows what the service says about an interface."""
        return {
            f"nics.{index}.{name}": f"nic_{index}_{name}"
            for index in range(len(self._nics))
            for name in NIC_FIELDS
        }

    def addresses(self) -> tuple[AddressWish, ...]:
        """Return the addresses of each interface."""
        return tuple(
            AddressWish(
                **{name: words(self.cleaned_data[f"nic_{index}_{name}"]) for name in NIC_FIELDS}
            )
            for index in range(len(self._nics))
        )

    def wish(self) -> CloudWish:
        """Return what was asked for; call only when the form is valid."""
        data = self.cleaned_data
        return CloudWish(
            hostname=data["hostname"],
            user=data["user"],
            password=data["password"],
            ssh_keys=lines(data["ssh_keys"]),
            packages=words(data["packages"]),
            timezone=data["timezone"],
            locale=data["locale"],
            nics=self.addresses(),
            user_data=data["user_data"],
        )


def initial_of(wish: CloudWish) -> dict[str, str]:
    """Return a wish as the form starts with it; never its password."""
    first = {
        "hostname": wish.hostname,
        "user": wish.user,
        "ssh_keys": "\n".join(wish.ssh_keys),
        "packages": " ".join(wish.packages),
        "timezone": wish.timezone,
        "locale": wish.locale,
        "user_data": wish.user_data,
    }
    for index, nic in enumerate(wish.nics):
        for name in NIC_FIELDS:
            first[f"nic_{index}_{name}"] = " ".join(getattr(nic, name))
    return first
