"""Languages: the one that somebody chose, else the one that his browser asks for.

A page, a problem and a mail are worded when they are made, in the language that is spoken then.
What is stored (audit trail, jobs, notices) holds codes and values, and no language.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

AS_ASKED = ""
"""What is stored for somebody who has not chosen: as his browser asks."""


def offered() -> list[tuple[str, str]]:
    """Return the languages by code, each named in itself."""
    return list(settings.LANGUAGES)


def is_offered(code: str) -> bool:
    """Say whether there is a catalogue of that language."""
    return any(code == known for known, _name in offered())


def of_request(request: HttpRequest, chosen: str) -> str:
    """Return the language of an answer; `chosen` is what the person chose, if he did."""
    return chosen if is_offered(chosen) else translation.get_language_from_request(request)


def asked(accept_language: str) -> str:
    """Return the language that suits a header Accept-Language best."""
    request = HttpRequest()
    request.META["HTTP_ACCEPT_LANGUAGE"] = accept_language
    return translation.get_language_from_request(request)


def use(chosen: str) -> None:
    """Speak what somebody chose until this request ends; if he did not, nothing changes."""
    if is_offered(chosen):
        translation.activate(chosen)


def speaking(chosen: str) -> AbstractContextManager[None]:
    """Speak what somebody chose, or English, while what is written to him is worded."""
    return translation.override(chosen if is_offered(chosen) else settings.LANGUAGE_CODE)


def for_keeping(values: Mapping[str, object]) -> dict[str, Any]:  # Any: what JSON can hold
    """Return values as they are stored: texts that are worded when they are read are English."""
    with translation.override(settings.LANGUAGE_CODE):
        kept: dict[str, Any] = json.loads(json.dumps(values, default=str))  # Any: as above
    return kept
