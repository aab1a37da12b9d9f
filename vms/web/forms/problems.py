"""Bring what a service says about wrong input back to the fields of the form."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms

from vms import messages
from vms.hypervisor.errors import HypervisorError
from vms.problems import Invalid, Refused

SHOWN = (Invalid, Refused, HypervisorError)
"""What a form tells beside its fields, keeping what was typed."""


def add_problems(
    form: forms.Form,
    problem: Invalid | Refused | HypervisorError,
    names: Mapping[str, str] | None = None,
) -> None:
    """Put each problem beside its field; what belongs to no field of the form is put above it.

    `names` says which field of the form shows a field of the service that is called otherwise.
    """
    if not isinstance(problem, Invalid):
        form.add_error(None, messages.sentence(problem))
        return
    for field, each in problem.fields.items():
        own = (names or {}).get(field, field)
        form.add_error(own if own in form.fields else None, messages.sentence(each))
