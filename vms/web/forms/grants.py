"""The form of who may use a template and within which limits; and how limits narrow a new guest."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from vms.models import Group, Network
from vms.models.grant import CLOUD_FIELDS
from vms.services.template_access import Access, Limits, Span, range_words
from vms.web.forms.fields import CountField, GibibytesField, to_bytes, to_gib

FIELD_NAMES = {"min_disk_bytes": "min_disk_gib", "max_disk_bytes": "max_disk_gib"}
CLOUD_LABELS = {
    "user": lazy("User"),
    "password": lazy("Password"),
    "ssh_keys": lazy("SSH keys"),
    "hostname": lazy("Host name"),
    "packages": lazy("Packages"),
    "timezone": lazy("Time zone"),
    "locale": lazy("Language"),
    "addresses": lazy("Addresses"),
    "user_data": lazy("Other cloud-config"),
}


class AccessForm(forms.Form):
    """To whom a template is granted, and what may be changed at creation."""

    is_for_all = forms.BooleanField(label=lazy("Everyone may use it"), required=False)
    groups = forms.MultipleChoiceField(
        label=lazy("Groups"), required=False, widget=forms.CheckboxSelectMultiple
    )
    min_vcpus = CountField(label=lazy("Virtual CPUs, at least"), required=False)
    max_vcpus = CountField(label=lazy("Virtual CPUs, at most"), required=False)
    min_memory_mib = CountField(label=lazy("Memory, at least"), required=False)
    max_memory_mib = CountField(label=lazy("Memory, at most"), required=False)
    min_disk_gib = GibibytesField(label=lazy("Disk, at least"), required=False)
    max_disk_gib = GibibytesField(label=lazy("Disk, at most"), required=False)
    networks = forms.MultipleChoiceField(
        label=lazy("Networks to choose from"), required=False, widget=forms.CheckboxSelectMultiple
    )
    cloud_fields = forms.MultipleChoiceField(
        label=lazy("What may be said by cloud-init"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[(name, CLOUD_LABELS[name]) for name in CLOUD_FIELDS],
    )

    def __init__(
        self, *args: Any, groups: Iterable[Group], networks: Iterable[Network], **kwargs: Any
    ) -> None:  # Any: as forms.Form takes them
        super().__init__(*args, **kwargs)
        of_groups = [(str(group.pk), group.name) for group in groups]
        of_networks = [(network.name, network.name) for network in networks]
        self.fields["groups"].choices = of_groups  # type: ignore[attr-defined]
        self.fields["networks"].choices = of_networks  # type: ignore[attr-defined]

    def access(self) -> Access:
        """Return what was said; call only when the form is valid."""
        data = self.cleaned_data
        return Access(
            is_for_all=data.get("is_for_all", False),
            group_ids=frozenset(_ids(data["groups"])),
            limits=Limits(
                vcpus=Span(data["min_vcpus"], data["max_vcpus"]),
                memory_mib=Span(data["min_memory_mib"], data["max_memory_mib"]),
                disk_bytes=Span(_bytes(data["min_disk_gib"]), _bytes(data["max_disk_gib"])),
                networks=tuple(data["networks"]),
                cloud_fields=tuple(data["cloud_fields"]),
            ),
        )


def _ids(texts: Iterable[str]) -> Iterable[uuid.UUID]:
    return (uuid.UUID(text) for text in texts)


def _bytes(gib: Decimal | None) -> int | None:
    return None if gib is None else to_bytes(gib)


def initial_of(access: Access) -> dict[str, object]:
    """Return the values that the form starts with."""
    limits = access.limits
    disk = [None if end is None else to_gib(end) for end in _ends(limits.disk_bytes)]
    return {
        "is_for_all": access.is_for_all,
        "groups": [str(pk) for pk in access.group_ids],
        "min_vcpus": limits.vcpus.least,
        "max_vcpus": limits.vcpus.most,
        "min_memory_mib": limits.memory_mib.least,
        "max_memory_mib": limits.memory_mib.most,
        "min_disk_gib": disk[0],
        "max_disk_gib": disk[1],
        "networks": list(limits.networks),
        "cloud_fields": list(limits.cloud_fields),
    }


def _ends(span: Span) -> tuple[int | None, int | None]:
    return span.least, span.most


def limit_to(form: forms.Form, limits: Limits) -> None:
    """Let the fields of a new guest go no further than its template allows, and say so."""
    _range(form, "vcpus", "vcpus", limits.vcpus, str)
    _range(form, "memory_mib", "memory_mib", limits.memory_mib, str)
    _range(form, "disk_gib", "disk_bytes", limits.disk_bytes, lambda end: str(to_gib(end)))
    for name in set(CLOUD_FIELDS) - set(limits.cloud_fields):
        if name in form.fields:
            _close(form, name)
    if limits.networks:
        form.fields["network_name"] = forms.ChoiceField(
            label=_("Network"),
            required=False,
            choices=[("", _("as the template says")), *((one, one) for one in limits.networks)],
        )


def _range(
    form: forms.Form, name: str, resource: str, span: Span, as_typed: Callable[[int], str]
) -> None:
    if span == Span() or name not in form.fields:
        return
    field = form.fields[name]
    attrs = field.widget.attrs
    if span.least is not None:
        attrs["min"] = max(attrs["min"], as_typed(span.least), key=float)
    if span.most is not None:
        attrs["max"] = min(attrs["max"], as_typed(span.most), key=float)
    words = {"range": range_words(resource, span)}
    field.note = _("This template allows %(range)s.") % words  # type: ignore[attr-defined]


def _close(form: forms.Form, name: str) -> None:
    field = form.fields[name]
    field.disabled = True
    field.required = False
    field.note = _("The template decides this.")  # type: ignore[attr-defined]  # our tag shows it
    if name in {"password", "ssh_keys"}:
        form.initial.pop(name, None)
