"""What pydantic found wrong with a request, as a sentence for each field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

_NAME = re.compile(r"\w+")
Finding = Mapping[str, Any]  # Any: pydantic's own shape of an error

_SENTENCES: dict[str, str | Promise] = {
    "missing": lazy("This is needed."),
    "no_text": lazy("This holds a character that cannot be kept, such as NUL."),
    "extra_forbidden": lazy("There is no such field."),
    "int_type": lazy("A whole number is needed."),
    "int_parsing": lazy("A whole number is needed."),
    "int_from_float": lazy("A whole number is needed."),
    "int_parsing_size": lazy("This number is too large."),
    "bool_type": lazy("true or false is needed."),
    "bool_parsing": lazy("true or false is needed."),
    "string_type": lazy("A text is needed."),
    "list_type": lazy("A list is needed."),
    "model_type": lazy("An object is needed."),
    "model_attributes_type": lazy("An object is needed."),
    "uuid_type": lazy("An id (UUID) is needed."),
    "uuid_parsing": lazy("An id (UUID) is needed."),
    "enum": lazy("One of these is needed: %(expected)s."),
    "literal_error": lazy("One of these is needed: %(expected)s."),
    "unexpected_keyword_argument": lazy("There is no such field."),
    "dataclass_type": lazy("An object is needed."),
    "dict_type": lazy("An object is needed."),
    "float_type": lazy("A number is needed."),
    "float_parsing": lazy("A number is needed."),
    "finite_number": lazy("A number is needed."),
    "datetime_type": lazy("A date with a time is needed, such as 2030-01-31T12:00:00Z."),
    "datetime_parsing": lazy("A date with a time is needed, such as 2030-01-31T12:00:00Z."),
    "datetime_from_date_parsing": lazy(
        "A date with a time is needed, such as 2030-01-31T12:00:00Z."
    ),
    "timezone_aware": lazy("A time zone is needed, such as Z at the end."),
    "string_pattern_mismatch": lazy("This is not written as it must be: %(pattern)s."),
    "string_too_short": lazy("At least %(min_length)s characters."),
    "too_short": lazy("At least %(min_length)s entries."),
    "greater_than_equal": lazy("At least %(ge)s."),
    "less_than_equal": lazy("At most %(le)s."),
    "string_too_long": lazy("At most %(max_length)s characters."),
    "too_long": lazy("At most %(max_length)s entries."),
}


def is_about_path(findings: Sequence[Finding]) -> bool:
    """Say whether the address itself holds something that cannot be an id or a verb."""
    return any(finding["loc"][:1] == ("path",) for finding in findings)


def field_sentences(findings: Sequence[Finding]) -> dict[str, str]:
    """Map each wrong field ("" for the whole body, "ssh_keys.2" inside a list) to one sentence."""
    fields: dict[str, str] = {}
    for finding in findings:
        fields.setdefault(_field(finding["loc"]), _sentence(finding))
    return fields


def _field(loc: Sequence[str | int]) -> str:
    """Drop where it stood and the name of our parameter: ("body", "data", "vcpus") is "vcpus".

    Where one of several types is taken, pydantic adds the name of the type that was tried.
    """
    if loc[0] != "body":
        return next(part for part in reversed(loc) if isinstance(part, str))
    return ".".join(str(part) for part in loc[2:] if _NAME.fullmatch(str(part)))


def _sentence(finding: Finding) -> str:
    text = _SENTENCES.get(finding["type"])
    if text is None:
        return _("This is not valid: %(detail)s") % {"detail": finding["msg"]}
    context: dict[str, object] = finding.get("ctx", {})
    return str(text) % context
