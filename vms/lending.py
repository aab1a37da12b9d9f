"""The socket of a connection, lent by the server to whoever serves a request on it.

The server and what it serves do not know each other: this is all that they share.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

KEY = "kvmweb.socket"
"""Among the extensions of an ASGI scope, where the server lends."""


@dataclass(frozen=True, slots=True)
class Loan:
    """A connection that nobody reads but the borrower. Give it back whatever happens.

    Of the body `came` was read already, `left` bytes will come through `socket`, which must stay
    non-blocking: a time limit may be set, and is none of the connection's own.
    """

    came: bytes
    left: int
    socket: socket.socket
    take_back: Callable[[int], Awaitable[None]]

    async def give_back(self, past: int) -> None:
        """End the loan after so many bytes were read from the socket."""
        self.socket.close()
        await self.take_back(past)


Borrow = Callable[[], Loan | None]


def nothing_to_borrow() -> None:
    """Behind TLS, and where the length is not said in advance, the loop must see every byte."""


def extension(lend: Borrow) -> dict[str, dict[object, object]]:
    """Say in a scope that its connection can be borrowed."""
    return {KEY: {"lend": lend}}


def borrow_of(scope: Mapping[str, Any]) -> Borrow:  # Any: ASGI's own shape
    """Return what gives the socket of that request, where it can."""
    lend: Borrow = scope.get("extensions", {}).get(KEY, {}).get("lend", nothing_to_borrow)
    return lend
