"""What a service answers when it does not do what was asked: a code and parameters, never a
sentence.

Doors translate them: the web door with vms/messages.py, the API as problem+json. No Django here.
"""

from __future__ import annotations

from collections.abc import Mapping


class Problem(Exception):
    """A refusal with a stable `code`; `params` fill the sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        self.code = code
        self.params = params
        super().__init__(f"{code} {params}" if params else code)


class NotFound(Problem):
    """There is no such thing, or the actor may not know of it: deliberately the same."""

    def __init__(self, kind: str) -> None:
        super().__init__("not-found", kind=kind)


class Forbidden(Problem):
    """The actor may see the thing but not do this to it."""


class Refused(Problem):
    """The state of the thing does not allow it now."""


class TooMany(Problem):
    """Asked for too often; `wait_s` seconds from now it is answered again."""

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__("too-many-requests", wait_s=wait_s)


class Invalid(Problem):
    """The input is wrong; `fields` says where and why, "" standing for the whole form."""

    def __init__(self, fields: Mapping[str, Problem]) -> None:
        self.fields = dict(fields)
        super().__init__("invalid", fields=", ".join(self.fields))
