"""Bring what a service says about wrong input back to the fields of the form."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms

from vms import messages
from vms.problems import Invalid


def add_problems(form: forms.Form, invalid: Invalid, names: Mapping[str, str] | None = None) -> None:
    """Put each problem beside its field; one whose field the form lacks is put above the form.

    `names` says which field of the form shows a field of the service that is called otherwise.
    """
    for field, problem in invalid.fields.items():
        own = (names or {}).get(field, field)
        form.add_error(own if own in form.fields else None, messages.sentence(problem))
