"""What console gateways ask: they redeem tickets and report. Not for people, so not in OpenAPI.

A gateway proves itself by its own credential, which opens nothing else.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Router
from ninja.security import HttpBearer

from vms.api.inputs import MAX_BIGINT, Input, Line
from vms.models import Gateway
from vms.problems import Forbidden, Refused
from vms.services import gateways

STALLED_S = 30.0
MAX_SAID = 16


class Credential(HttpBearer):
    """The secret of a gateway."""

    def authenticate(self, request: HttpRequest, token: str) -> Gateway | None:
        """Find the gateway."""
        return gateways.authenticate(token)


router = Router(tags=["gateway"], auth=Credential())


class Redemption(Input):
    """A ticket as a client showed it."""

    ticket: Line
    vm_id: UUID
    has_trusted_origin: bool
    address: str = Field(max_length=45)


class Numbers(Input):
    """How much has passed."""

    bytes_in: int = Field(ge=0, le=MAX_BIGINT)
    bytes_out: int = Field(ge=0, le=MAX_BIGINT)


class NewsIn(Numbers):
    """How a console is, and what its page says."""

    idle_s: float = Field(0.0, ge=0)
    said: list[Line] = Field(default_factory=list, max_length=MAX_SAID)


class Report(Numbers):
    """How a console ended."""

    reason: str = Field(max_length=40, pattern="^[a-z-]*$")


@router.post("/consoles", include_in_schema=False)
def redeem(request: HttpRequest, data: Redemption) -> dict[str, Any]:  # Any: JSON
    """Burn a ticket and say what it is good for. Any refusal looks the same."""
    try:
        grant, has_control = gateways.redeem(
            gateway=_gateway(request),
            secret=data.ticket,
            vm_id=str(data.vm_id),
            has_trusted_origin=data.has_trusted_origin,
            address=data.address,
        )
    except Refused as problem:
        raise Forbidden(problem.code) from None
    return {
        "id": grant.ticket_id,
        "domain_uuid": grant.domain_uuid,
        "kind": grant.kind,
        "has_control": has_control,
        "stalled_s": STALLED_S,
    }


@router.post("/consoles/{console_id}", include_in_schema=False)
def still(request: HttpRequest, console_id: UUID, data: NewsIn) -> dict[str, Any]:  # Any: JSON
    """Hear that a console is open; say what is to be done with it."""
    news = gateways.News(data.bytes_in, data.bytes_out, data.idle_s, tuple(data.said))
    orders = gateways.still(gateway=_gateway(request), console_id=str(console_id), news=news)
    return asdict(orders)


@router.post("/consoles/{console_id}/closed", include_in_schema=False)
def closed(request: HttpRequest, console_id: UUID, data: Report) -> dict[str, str]:
    """Hear that a console has ended."""
    gateways.closed(gateway=_gateway(request), console_id=str(console_id), **data.model_dump())
    return {}


def _gateway(request: HttpRequest) -> Gateway:
    return cast(Gateway, request.auth)  # type: ignore[attr-defined]  # set by ninja
