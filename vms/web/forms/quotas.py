"""The form of a quota: for each resource nothing said, unlimited, or a number; and how a quota
narrows the form of a new guest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.validators import MinValueValidator
from django.utils.translation import gettext_lazy as _

from vms import quotawords
from vms.services.quotas import Ceiling, Limit, Limits, Unlimited
from vms.services.usage import Resource
from vms.web.forms.fields import GIB, CountField, GibibytesField, to_bytes, to_gib
from vms.web.forms.guests import CreateForm

NOT_SET, UNLIMITED, AT_MOST = "", "unlimited", "at-most"
MIB_PER_GIB = 1024
NEEDED = (Resource.GUESTS, Resource.VCPUS, Resource.MEMORY)
"""What every new guest takes some of."""
IN_GIB = (Resource.MEMORY, Resource.DISK)


class QuotaForm(forms.Form):
    """Two fields for each resource: what is said, and the number where it is one."""

    def __init__(self, *args: Any, limits: Limits, nothing: Any, **kwargs: Any) -> None:
        # Any: as forms.Form takes them; `nothing` words what it means to say nothing
        super().__init__(*args, **kwargs)
        choices = [(NOT_SET, nothing), (UNLIMITED, _("unlimited")), (AT_MOST, _("at most"))]
        for one in Resource:
            limit = limits.of(one)
            self.fields[f"{one}_said"] = forms.ChoiceField(
                label=quotawords.resource_label(one.value),
                required=False,
                choices=choices,
                initial=_said(limit),
            )
            self.fields[one.value] = _number(one, limit)

    @property
    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField, str]]:
        """Both fields of each resource and the unit of the number."""
        return [
            (self[f"{one}_said"], self[one.value], "GiB" if one in IN_GIB else "")
            for one in Resource
        ]

    def clean(self) -> dict[str, Any]:  # Any: as forms.Form has it
        """Ask for the number where one was promised."""
        data: dict[str, Any] = super().clean() or {}
        for one in Resource:
            is_missing = data.get(one.value) is None and one.value not in self.errors
            if data.get(f"{one}_said") == AT_MOST and is_missing:
                self.add_error(one.value, _("How many?") if one not in IN_GIB else _("How much?"))
        return data

    def limits(self) -> Limits:
        """Return what was said; call only when the form is valid."""
        return Limits(**{one.value: self._limit(one) for one in Resource})

    def _limit(self, one: Resource) -> Limit:
        said, number = self.cleaned_data[f"{one}_said"], self.cleaned_data.get(one.value)
        if said == UNLIMITED:
            return Unlimited.UNLIMITED
        if said != AT_MOST or number is None:
            return None
        if one is Resource.DISK:
            return to_bytes(number)
        return int(number * MIB_PER_GIB) if one is Resource.MEMORY else int(number)


def _said(limit: Limit) -> str:
    if limit is None:
        return NOT_SET
    return UNLIMITED if isinstance(limit, Unlimited) else AT_MOST


def _number(one: Resource, limit: Limit) -> forms.Field:
    label = _("%(resource)s: how many") if one not in IN_GIB else _("%(resource)s: how much")
    words = label % {"resource": quotawords.resource_label(one.value)}
    value = limit if isinstance(limit, int) else None
    if one not in IN_GIB:
        return CountField(
            label=words, required=False, initial=value, validators=[MinValueValidator(0)]
        )
    size = value if one is Resource.DISK or value is None else value << 20
    return GibibytesField(
        label=words, required=False, initial=None if size is None else to_gib(size)
    )


def narrow(form: CreateForm, room: Mapping[Resource, Ceiling]) -> None:
    """Let the fields of a new guest end where the tightest quota ends, and say which one it is."""
    _narrow(form, "vcpus", room.get(Resource.VCPUS), lambda left: left)
    _narrow(form, "memory_mib", room.get(Resource.MEMORY), lambda left: left)
    _narrow(form, "disk_gib", room.get(Resource.DISK), lambda left: left // GIB)
    running = room.get(Resource.RUNNING)
    if running is not None:
        _note(form, "is_started", running)
        if not running.left and not form.is_bound:
            form.initial["is_started"] = False
    used_up = [room[one] for one in NEEDED if one in room and not room[one].left]
    form.quota_notices = [_left(ceiling) for ceiling in used_up]


def _narrow(
    form: CreateForm, name: str, ceiling: Ceiling | None, as_typed: Callable[[int], int]
) -> None:
    if ceiling is None or name not in form.fields:
        return
    attrs, left = form.fields[name].widget.attrs, as_typed(ceiling.left)
    if left >= float(attrs["max"]):
        return
    attrs["max"] = str(max(left, math.ceil(float(attrs["min"]))))
    _note(form, name, ceiling)
    first = form.initial.get(name)
    if not form.is_bound and first is not None and first > left >= float(attrs["min"]):
        form.initial[name] = left


def _note(form: forms.Form, name: str, ceiling: Ceiling) -> None:
    form.fields[name].note = _left(ceiling)  # type: ignore[attr-defined]  # our tag shows it


def _left(ceiling: Ceiling) -> str:
    resource = ceiling.resource.value
    return quotawords.left(ceiling.whose, resource, ceiling.limit, ceiling.left)
