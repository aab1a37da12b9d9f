"""The form of a template: from an image in a pool, with the defaults of new guests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vms import messages
from vms.models import Network, Template, Volume
from vms.services.templates import TemplateDefaults
from vms.web.forms.fields import CountField, GibibytesField, LinesField, to_bytes, to_gib

FIELD_NAMES = {"disk_bytes": "disk_gib"}


class TemplateForm(forms.Form):
    """The defaults of a template."""

    name = forms.CharField(label=_("Name"), strip=False)
    description = LinesField(label=_("Description"), required=False, rows=2)
    os_name = forms.CharField(label=_("Operating system"), required=False, max_length=100)
    vcpus = CountField(label=_("Virtual CPUs"), initial=1)
    memory_mib = CountField(label=_("Memory"), initial=1024)
    disk_gib = GibibytesField(label=_("Disk"), required=False)
    network_name = forms.ChoiceField(label=_("Network"), required=False)
    has_cloud_init = forms.BooleanField(
        label=_("The image reads cloud-init (name, user, password, SSH keys)"),
        required=False,
        initial=True,
    )
    default_user = forms.CharField(
        label=_("User to propose"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(
        self, *args: Any, networks: Iterable[Network], **kwargs: Any
    ) -> None:  # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        names = list(dict.fromkeys(network.name for network in networks))
        chosen = str(self.initial.get("network_name") or "")
        if chosen and chosen not in names:
            names.append(chosen)
        choices = [("", _("none")), *((name, name) for name in names)]
        self.fields["network_name"].choices = choices  # type: ignore[attr-defined]

    def defaults(self, icon: str = "linux") -> TemplateDefaults:
        """Return the defaults that were typed; call only when the form is valid."""
        data = self.cleaned_data
        return TemplateDefaults(
            name=data["name"],
            description=data["description"],
            os_name=data["os_name"],
            vcpus=data["vcpus"],
            memory_mib=data["memory_mib"],
            disk_bytes=to_bytes(data["disk_gib"]),
            network_name=data["network_name"],
            has_cloud_init=data["has_cloud_init"],
            default_user=data["default_user"],
            icon=icon,
        )


class NewTemplateForm(TemplateForm):
    """The same with the image to make the template from."""

    image = forms.ChoiceField(label=_("Image"))
    field_order = ["image"]

    def __init__(self, *args: Any, images: Iterable[Volume], **kwargs: Any) -> None:  # Any: above
        super().__init__(*args, **kwargs)
        choices = [(str(image.pk), image_label(image)) for image in images]
        self.fields["image"].choices = [("", "–"), *choices]  # type: ignore[attr-defined]


def image_label(image: Volume) -> str:
    """Word an image: its name, pool, format and size."""
    size = messages.size(image.capacity_bytes)
    return f"{image.name} · {image.pool.name} · {image.format}, {size}"


def initial_of(template: Template) -> dict[str, object]:
    """Return the values of a template as the form starts with them."""
    return {
        "name": template.name,
        "description": template.description,
        "os_name": template.os_name,
        "vcpus": template.vcpus,
        "memory_mib": template.memory_mib,
        "disk_gib": to_gib(template.disk_bytes) if template.disk_bytes else None,
        "network_name": template.network_name,
        "has_cloud_init": template.has_cloud_init,
        "default_user": template.default_user,
    }
