"""Gateways: who makes their credentials, what a ticket opens there, and when a console ends."""

from __future__ import annotations

import datetime
import json
import uuid

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.utils import timezone

from vms.models import VM, AuditEntry, Gateway, GatewayConsole, Host, Ticket
from vms.policy import Person, SystemActor
from vms.problems import Forbidden, Invalid, NotFound, Refused
from vms.services import consoles, gateways, seats, tokens
from vms.services.secrets import digest


@pytest.fixture
def guest(alice) -> VM:
    host = Host.objects.create(
        name="node1", uri="qemu+ssh://node1/system", console_gateway_url="https://node1:6080"
    )
    key = uuid.uuid4()
    fields = {"name": "g", "owner": alice, "state": "running", "has_vnc": True}
    return VM.objects.create(pk=key, host=host, domain_uuid=key, **fields)


@pytest.fixture
def gateway(guest) -> Gateway:
    made, _secret = gateways.create(actor=SystemActor(), host_name="node1", name="gw")
    return made


@pytest.fixture
def session(db) -> str:
    store = SessionStore()
    store.create()
    return store.session_key


@pytest.fixture
def ticket(guest, alice, session):
    """ticket() asks for one as alice's browser."""

    def ask(**more) -> str:
        actor = Person(alice, session_key=session)
        return consoles.issue_ticket(actor=actor, vm_id=guest.pk, **more).secret

    return ask


def redeem(gateway: Gateway, secret: str, guest: VM, *, has_origin: bool = True):
    grant, _has_control = gateways.redeem(
        gateway=gateway,
        secret=secret,
        vm_id=str(guest.pk),
        has_trusted_origin=has_origin,
        address="10.0.0.9",
    )
    return grant


def orders(gateway: Gateway, console_id: str, **news) -> gateways.Orders:
    return gateways.still(gateway=gateway, console_id=console_id, news=gateways.News(**news))


def still(gateway: Gateway, console_id: str) -> str:
    return orders(gateway, console_id).end


def here(guest: VM) -> list[str]:
    return [seat.name for seat in seats.alive().filter(vm=guest)]


def test_only_administrators_make_revoke_and_choose(guest, alice, mallory, admin) -> None:
    for user in (alice, mallory):
        actor = Person(user)
        with pytest.raises((Forbidden, NotFound)):
            gateways.create(actor=actor, host_name="node1", name="x")
        with pytest.raises((Forbidden, NotFound)):
            gateways.revoke(actor=actor, name="x")
        with pytest.raises((Forbidden, NotFound)):
            gateways.set_route(actor=actor, host_id=guest.host_id, url="https://evil:1")
    assert gateways.create(actor=Person(admin), host_name="node1", name="x")
    with pytest.raises(Invalid):
        gateways.create(actor=Person(admin), host_name="node1", name="x")
    with pytest.raises(NotFound):
        gateways.create(actor=Person(admin), host_name="node2", name="y")


def test_a_credential_is_shown_once_kept_as_a_hash_and_revocable(guest, capsys) -> None:
    call_command("create_gateway", "node1", "--name", "gw 1")
    secret = capsys.readouterr().out.strip()
    row = Gateway.objects.get()
    assert secret not in (row.secret_hash, row.name)
    assert gateways.authenticate(secret) == row
    assert gateways.authenticate(secret + "x") is None
    call_command("revoke_gateway", "gw 1")
    assert gateways.authenticate(secret) is None
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert actions == {"gateway.create", "gateway.revoke"}


@pytest.mark.parametrize(
    "url",
    ["node1:6080", "ftp://node1", "https://", "https://node1/path", "javascript:alert(1)",
     "https://node1:99999", "https://u:p@node1", "https://node1; connect-src *"],
)  # fmt: skip
def test_an_address_that_is_no_origin_is_refused(guest, admin, url) -> None:
    with pytest.raises(Invalid) as caught:
        gateways.set_route(actor=Person(admin), host_id=guest.host_id, url=url)
    assert list(caught.value.fields) == ["console_gateway_url"]


def test_screens_take_the_way_of_their_host_and_serial_ports_the_sites(guest, alice, session):
    actor = Person(alice, session_key=session)
    issued = consoles.issue_ticket(actor=actor, vm_id=guest.pk)
    assert issued.gateway_socket == f"wss://node1:6080/{guest.pk}"
    VM.objects.update(xml="<domain><devices><serial type='pty'/></devices></domain>")
    serial = consoles.issue_ticket(actor=actor, vm_id=guest.pk, kind="serial")
    assert serial.gateway_socket == ""


def test_a_ticket_is_redeemed_once_and_shows_who_is_there(guest, gateway, ticket, alice) -> None:
    secret = ticket(mode="view")
    grant = redeem(gateway, secret, guest)
    assert (grant.mode, grant.user_name, grant.address) == ("view", "alice", "10.0.0.9")
    assert here(guest) == ["alice"]
    with pytest.raises(Refused):
        redeem(gateway, secret, guest)
    assert still(gateway, grant.ticket_id) == ""
    seats.forget_all()  # the site was started anew
    assert still(gateway, grant.ticket_id) == ""
    assert here(guest)
    numbers = {"bytes_in": 5, "bytes_out": 6}
    gateways.closed(gateway=gateway, console_id=grant.ticket_id, reason="browser-gone", **numbers)
    assert here(guest) == []
    entry = AuditEntry.objects.filter(action="console.close").get()
    assert entry.detail["bytes_out"] == 6
    assert entry.actor == alice
    with pytest.raises(NotFound):
        still(gateway, grant.ticket_id)


def flaws() -> set[str]:
    return set(AuditEntry.objects.filter(phase="refused").values_list("detail__flaw", flat=True))


def test_a_ticket_of_the_other_door_or_host_or_origin_or_dead_session_opens_nothing(
    guest, gateway, ticket, alice, session
) -> None:
    other = Host.objects.create(name="node2", uri="qemu+ssh://node2/system")
    stranger, _secret = gateways.create(actor=SystemActor(), host_name=other.name, name="gw2")
    with pytest.raises(Refused):
        redeem(stranger, ticket(), guest)
    with pytest.raises(Refused):
        redeem(gateway, ticket(), guest, has_origin=False)
    with pytest.raises(Refused):
        consoles.redeem(
            secret=ticket(),
            vm_id=str(guest.pk),
            session_key=session,
            user_id=str(alice.pk),
            has_trusted_origin=True,
            address="",
        )
    Host.objects.filter(pk=guest.host_id).update(
        console_gateway_url="", facts={"can_graphics_fd": True}
    )
    with pytest.raises(Refused):
        redeem(gateway, ticket(), guest)
    Host.objects.update(console_gateway_url="https://node1:6080")
    secret = ticket()
    SessionStore(session).delete()
    with pytest.raises(Refused):
        redeem(gateway, secret, guest)
    past = timezone.now() - datetime.timedelta(seconds=1)
    late = ticket()
    Ticket.objects.filter(secret_hash=digest(late)).update(expires_at=past)
    with pytest.raises(Refused):
        redeem(gateway, late, guest)
    assert flaws() == {"other-door", "origin", "other-session", "late"}
    assert not GatewayConsole.objects.exists()


def test_a_ticket_of_a_token_needs_neither_session_nor_origin(guest, gateway, alice) -> None:
    token, _secret = tokens.create(actor=SystemActor(), user=alice, name="t")
    issued = consoles.issue_ticket(actor=Person(alice, token=token), vm_id=guest.pk)
    grant = redeem(gateway, issued.secret, guest, has_origin=False)
    assert still(gateway, grant.ticket_id) == ""
    tokens.revoke(actor=Person(alice), token_id=token.pk)
    assert still(gateway, grant.ticket_id) == "logged-out"


def test_what_takes_a_right_away_is_told_when_the_gateway_asks(
    guest, gateway, ticket, alice, session
) -> None:
    grant = redeem(gateway, ticket(), guest)
    VM.objects.update(owner=None)
    assert still(gateway, grant.ticket_id) == "revoked"
    VM.objects.update(owner=alice)
    gateways.ask_to_end(console_id=grant.ticket_id, reason="not-recorded")
    assert still(gateway, grant.ticket_id) == "not-recorded"
    GatewayConsole.objects.update(end="")
    SessionStore(session).delete()
    assert still(gateway, grant.ticket_id) == "logged-out"
    guest.delete()
    assert still(gateway, grant.ticket_id) in {"logged-out", "vm-gone"}


def test_a_gateway_hears_nothing_of_another_ones_consoles(guest, gateway, ticket) -> None:
    grant = redeem(gateway, ticket(), guest)
    other, _secret = gateways.create(actor=SystemActor(), host_name="node1", name="second")
    with pytest.raises(NotFound):
        still(other, grant.ticket_id)


def test_revoking_a_gateway_ends_what_it_let_in(guest, gateway, ticket) -> None:
    grant = redeem(gateway, ticket(), guest)
    gateways.revoke(actor=SystemActor(), name="gw")
    assert here(guest) == []
    with pytest.raises(NotFound):
        still(gateway, grant.ticket_id)


def test_consoles_of_a_gateway_that_was_killed_end_after_a_while(guest, gateway, ticket) -> None:
    redeem(gateway, ticket(), guest)
    gateways.forget_lost()
    assert here(guest)
    GatewayConsole.objects.update(seen_at=timezone.now() - datetime.timedelta(minutes=2))
    gateways.forget_lost()
    assert here(guest) == []
    assert AuditEntry.objects.get(action="console.close").detail["reason"] == "gateway-lost"


@pytest.mark.parametrize("limit", ["console_max_per_user", "console_max_per_vm"])
def test_one_console_too_many_is_refused(guest, gateway, ticket, settings, limit) -> None:
    settings.KVMWEB = settings.KVMWEB.model_copy(update={limit: 1})
    redeem(gateway, ticket(), guest)
    with pytest.raises(Refused, match="too-many"):
        redeem(gateway, ticket(), guest)
    gateways.revoke(actor=SystemActor(), name="gw")


def test_control_changes_hands_through_the_gateway_as_through_the_site(
    guest, gateway, ticket
) -> None:
    first = redeem(gateway, ticket(), guest)
    second = redeem(gateway, ticket(claims=False), guest)
    assert orders(gateway, first.ticket_id).has_control
    assert not orders(gateway, second.ticket_id).has_control
    told = json.loads(orders(gateway, second.ticket_id).tell)
    assert [each["control"] for each in told["people"]] == [True, False]
    said = orders(gateway, second.ticket_id, said=('{"t":"claim"}', "nonsense", '{"t":"root"}'))
    assert said.has_control
    assert not orders(gateway, first.ticket_id).has_control


@pytest.mark.parametrize(
    ("limits", "idle_s", "reason"),
    [({"console_idle_minutes": 1}, 61, "idle"), ({"console_hours": 1e-9}, 0, "time-over")],
)
def test_a_console_ends_when_its_time_is_over(
    guest, gateway, ticket, settings, limits, idle_s, reason
) -> None:
    settings.KVMWEB = settings.KVMWEB.model_copy(update=limits)
    grant = redeem(gateway, ticket(), guest)
    assert orders(gateway, grant.ticket_id, idle_s=idle_s).end == reason
