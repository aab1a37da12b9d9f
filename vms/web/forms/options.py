"""Choices of which some cannot be made: shown, disabled, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from django import forms
from django.utils.functional import Promise

from vms import messages

E = TypeVar("E", bound=StrEnum)
Text = str | Promise


class OptionSelect(forms.Select):
    """A select whose options may be disabled; `reasons` says of which and why."""

    reasons: Mapping[str, str] = {}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Make an option, disabled where there is a reason. Any: as the base class has it."""
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.reasons:
            option["attrs"]["disabled"] = True
        return option


def option_field(
    label: Any, names: Mapping[E, Text], reasons: Mapping[E, str]
) -> forms.ChoiceField:
    """Make the field of an enum; `reasons` has a code of vms/messages.py for what cannot be had.

    Any: a lazy text, which the stubs know by a private name.
    """
    sentences = {value.value: messages.sentence_for(code) for value, code in reasons.items()}
    field = forms.ChoiceField(
        label=label,
        required=False,
        choices=[(value.value, name) for value, name in names.items()],
        widget=OptionSelect(),
        help_text=" ".join(dict.fromkeys(sentences.values())),
    )
    field.widget.reasons = sentences
    return field
