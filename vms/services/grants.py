"""What a redeemed console ticket is good for: a value that outlives the ticket's transaction."""

from __future__ import annotations

from dataclasses import dataclass

CONTROL = "control"


@dataclass(frozen=True, slots=True)
class ConsoleGrant:
    """What a redeemed ticket is good for."""

    ticket_id: str
    vm_id: str
    vm_name: str
    host_id: str
    host_uri: str
    domain_uuid: str
    user_id: str
    user_name: str
    session_key: str
    token_id: str
    kind: str
    mode: str
    address: str
    device: int = 0
    """Which serial device, counted from 0."""
    link_id: str = ""
    """The link by which somebody without an account came; then there is no user."""
    claims: bool = True
    """Whether it takes control when it opens, if nobody has it."""

    @property
    def is_token(self) -> bool:
        """True when a bearer token asked, so that neither cookie nor Origin is needed."""
        return bool(self.token_id)

    @property
    def may_control(self) -> bool:
        """True when keys and pointer may reach the guest; whoever else only watches."""
        return self.mode == CONTROL
