"""Console tickets, each test named after an attack or an end of rights."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from tests.conftest import make_user
from vms.models import VM, AuditEntry, RoleRule, Share, Ticket, User
from vms.policy import Person, SystemActor
from vms.problems import Forbidden, NotFound, Refused
from vms.services import consoles, people, tokens
from vms.services.consolerights import ConsoleRights


@pytest.fixture
def vm(alice, test_host):
    """A guest that seems to run with a VNC display; no host is asked."""
    test_host.facts = {**test_host.facts, "can_graphics_fd": True}
    test_host.save()
    pk = uuid.uuid4()
    return VM.objects.create(
        pk=pk,
        domain_uuid=pk,
        host=test_host,
        name="web",
        owner=alice,
        state="running",
        has_vnc=True,
    )


@pytest.fixture
def session(alice):
    """The key of a live browser session of alice."""
    client = Client()
    client.force_login(alice)
    return client.session.session_key


@pytest.fixture
def issue(vm, alice, session):
    """Issue a ticket to alice's session."""
    return lambda: (
        consoles.issue_ticket(actor=Person(alice, session_key=session), vm_id=vm.pk).secret
    )


@pytest.fixture
def redeem(vm, alice, session):
    """Redeem as alice's browser does; keyword arguments change one thing."""

    def run(secret, **change):
        values = {
            "vm_id": str(vm.pk),
            "session_key": session,
            "user_id": str(alice.pk),
            "has_trusted_origin": True,
            "address": "127.0.0.1",
        }
        return consoles.redeem(secret=secret, **{**values, **change})

    return run


def test_a_ticket_opens_the_console_it_was_made_for(issue, redeem, vm, alice):
    grant = redeem(issue())
    assert (grant.vm_id, grant.user_name, grant.mode) == (str(vm.pk), "alice", "control")
    assert grant.domain_uuid == str(vm.domain_uuid)


def test_a_ticket_for_watching_gives_no_control(vm, alice, session, redeem):
    actor = Person(alice, session_key=session)
    issued = consoles.issue_ticket(actor=actor, vm_id=vm.pk, mode="view")
    grant = redeem(issued.secret)
    assert grant.mode == "view"
    assert not grant.may_control


def test_nobody_gets_a_mode_that_does_not_exist(vm, alice, session):
    for mode in ("", "admin", "Control"):
        with pytest.raises(Refused, match="console-kind"):
            consoles.issue_ticket(actor=Person(alice, session_key=session), vm_id=vm.pk, mode=mode)


@pytest.fixture
def shared(vm, bob, carol):
    """bob operates the guest, carol watches it."""
    for user, role in ((bob, "operator"), (carol, "viewer")):
        Share.objects.create(vm=vm, user=user, role=role)


@pytest.mark.parametrize("kind", ["vnc", "serial"])
def test_a_viewer_gets_no_ticket_for_control(vm, carol, shared, kind):
    VM.objects.update(xml=SERIALS)
    with pytest.raises(Forbidden):
        consoles.issue_ticket(actor=Person(carol, session_key="x"), vm_id=vm.pk, kind=kind)
    assert not Ticket.objects.exists()
    issued = consoles.issue_ticket(
        actor=Person(carol, session_key="x"), vm_id=vm.pk, kind=kind, mode="view"
    )
    assert issued.mode == "view"


def test_an_operator_controls_and_an_auditor_only_watches(vm, bob, shared):
    issued = consoles.issue_ticket(actor=Person(bob, session_key="x"), vm_id=vm.pk)
    assert issued.mode == "control"
    auditor = Person(make_user("auditor", "auditor"), session_key="x")
    assert consoles.issue_ticket(actor=auditor, vm_id=vm.pk, mode="view").mode == "view"
    with pytest.raises(Forbidden):
        consoles.issue_ticket(actor=auditor, vm_id=vm.pk)


def test_a_ticket_for_control_is_worth_nothing_to_who_became_a_viewer(vm, bob, shared, redeem):
    client = Client()
    client.force_login(bob)
    key = client.session.session_key
    issued = consoles.issue_ticket(actor=Person(bob, session_key=key), vm_id=vm.pk)
    Share.objects.filter(user=bob).update(role="viewer")
    with pytest.raises(Refused, match="ticket-invalid"):
        redeem(issued.secret, session_key=key, user_id=str(bob.pk))
    assert AuditEntry.objects.get(action="console.open").detail["flaw"] == "no-right"


@pytest.mark.parametrize(
    ("mode", "role", "code"),
    [
        ("control", "operator", ""),
        ("control", "viewer", ""),
        ("control", None, "revoked"),
        ("view", "viewer", ""),
        ("view", None, "revoked"),
    ],
)
def test_an_open_console_is_worth_what_the_share_is_now(vm, bob, shared, redeem, mode, role, code):
    client = Client()
    client.force_login(bob)
    key = client.session.session_key
    actor = Person(bob, session_key=key)
    secret = consoles.issue_ticket(actor=actor, vm_id=vm.pk, mode=mode).secret
    grant = redeem(secret, session_key=key, user_id=str(bob.pk))
    if role is None:
        Share.objects.filter(user=bob).delete()
    else:
        Share.objects.filter(user=bob).update(role=role)
    assert ConsoleRights([grant]).ending(grant) == code


SERIALS = (
    "<domain><devices><serial type='pty'><alias name='serial0'/></serial>"
    "<serial type='file'/><serial type='unix'/></devices></domain>"
)


def test_a_ticket_for_a_serial_port_is_for_that_port(vm, alice, session, redeem):
    VM.objects.update(xml=SERIALS, has_vnc=False)
    actor = Person(alice, session_key=session)
    issued = consoles.issue_ticket(actor=actor, vm_id=vm.pk, kind="serial", device=2)
    grant = redeem(issued.secret)
    assert (grant.kind, grant.device) == ("serial", 2)


@pytest.mark.parametrize("device", [1, 3, -1, 2**31])
def test_a_serial_port_that_is_not_there_or_is_a_file_gives_no_ticket(vm, alice, device):
    VM.objects.update(xml=SERIALS)
    with pytest.raises(Refused, match="console-no-serial"):
        consoles.issue_ticket(
            actor=Person(alice, session_key="x"), vm_id=vm.pk, kind="serial", device=device
        )


def test_a_guest_that_is_off_has_no_serial_console(vm, alice):
    VM.objects.update(xml=SERIALS, state="off")
    with pytest.raises(Refused, match="console-off"):
        consoles.issue_ticket(actor=Person(alice, session_key="x"), vm_id=vm.pk, kind="serial")


def test_mallory_gets_no_ticket_for_a_serial_port(vm, mallory):
    VM.objects.update(xml=SERIALS)
    with pytest.raises(NotFound):
        consoles.issue_ticket(actor=Person(mallory, session_key="x"), vm_id=vm.pk, kind="serial")


def test_the_secret_is_kept_as_a_hash_only(issue):
    secret = issue()
    assert not Ticket.objects.filter(secret_hash=secret).exists()
    assert secret not in str(list(Ticket.objects.values()))


def _flaw() -> str:
    return AuditEntry.objects.filter(action="console.open").first().detail["flaw"]


def test_replayed_ticket(issue, redeem):
    secret = issue()
    redeem(secret)
    with pytest.raises(Refused, match="ticket-invalid"):
        redeem(secret)
    assert _flaw() == "used"


def test_late_ticket(issue, redeem):
    secret = issue()
    Ticket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Refused, match="ticket-invalid"):
        redeem(secret)
    assert _flaw() == "late"


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"vm_id": str(uuid.uuid4())}, "other-vm"),
        ({"session_key": "another"}, "other-session"),
        ({"session_key": ""}, "other-session"),
        ({"user_id": str(uuid.uuid4())}, "other-session"),
        ({"user_id": None}, "other-session"),
        ({"has_trusted_origin": False}, "origin"),
    ],
)
def test_a_ticket_used_elsewhere_is_refused_burned_and_audited(issue, redeem, change, flaw):
    secret = issue()
    with pytest.raises(Refused, match="ticket-invalid"):
        redeem(secret, **change)
    assert _flaw() == flaw
    with pytest.raises(Refused, match="ticket-invalid"):
        redeem(secret)


def test_a_guessed_ticket_is_refused_and_audited(redeem):
    with pytest.raises(Refused, match="ticket-invalid"):
        redeem("0" * 43)
    assert _flaw() == "unknown"


def test_a_ticket_of_somebody_whose_right_has_ended(issue, redeem, vm, bob):
    secret = issue()
    VM.objects.filter(pk=vm.pk).update(owner=bob)
    with pytest.raises(Refused, match="ticket-invalid"):
        redeem(secret)
    assert _flaw() == "no-right"


def test_mallory_gets_no_ticket(vm, mallory):
    with pytest.raises(NotFound):
        consoles.issue_ticket(actor=Person(mallory, session_key="x"), vm_id=vm.pk)


def test_a_guest_that_is_off_has_no_console(vm, alice):
    VM.objects.update(state="off")
    with pytest.raises(Refused, match="console-off"):
        consoles.issue_ticket(actor=Person(alice, session_key="x"), vm_id=vm.pk)


def test_a_bearer_token_gets_a_ticket_without_cookie_and_origin(vm, alice, redeem):
    token, _secret = tokens.create(actor=Person(alice), user=alice, name="script")
    issued = consoles.issue_ticket(actor=Person(alice, token=token), vm_id=vm.pk)
    grant = redeem(issued.secret, session_key="", user_id=None, has_trusted_origin=False)
    assert grant.is_token


def test_an_open_console_ends_with_the_session(issue, redeem, session):
    grant = redeem(issue())
    assert ConsoleRights([grant]).ending(grant) == ""
    from django.contrib.sessions.models import Session

    Session.objects.filter(session_key=session).delete()
    assert ConsoleRights([grant]).ending(grant) == "logged-out"


def test_an_open_console_ends_when_its_token_is_revoked(vm, alice, redeem):
    token, _secret = tokens.create(actor=Person(alice), user=alice, name="script")
    issued = consoles.issue_ticket(actor=Person(alice, token=token), vm_id=vm.pk)
    grant = redeem(issued.secret, session_key="", user_id=None, has_trusted_origin=False)
    assert ConsoleRights([grant]).ending(grant) == ""
    tokens.revoke(actor=Person(alice), token_id=token.pk)
    assert ConsoleRights([grant]).ending(grant) == "logged-out"


def test_an_open_console_waits_for_what_its_user_must_do_first(issue, redeem, alice):
    grant = redeem(issue())
    User.objects.filter(pk=alice.pk).update(must_change_password=True)
    assert ConsoleRights([grant]).ending(grant) == "logged-out"


def test_an_open_console_waits_for_a_second_factor_that_the_role_needs(issue, redeem, alice):
    grant = redeem(issue())
    RoleRule.objects.update_or_create(role=alice.role, defaults={"needs_second_factor": True})
    assert ConsoleRights([grant]).ending(grant) == "logged-out"
    Authenticator.objects.create(user=alice, type="totp", data={})
    assert ConsoleRights([grant]).ending(grant) == ""


def test_an_open_console_ends_with_the_right(issue, redeem, vm, bob):
    grant = redeem(issue())
    VM.objects.filter(pk=vm.pk).update(owner=bob)
    assert ConsoleRights([grant]).ending(grant) == "revoked"


def test_an_open_console_ends_with_the_account(issue, redeem, alice):
    grant = redeem(issue())
    people.deactivate(actor=SystemActor(), user_id=alice.pk)
    assert ConsoleRights([grant]).ending(grant) == "deactivated"


def test_an_open_console_ends_with_the_guest(issue, redeem, vm):
    grant = redeem(issue())
    vm.delete()
    assert ConsoleRights([grant]).ending(grant) == "vm-gone"


def test_opening_and_closing_are_audited_with_what_moved(issue, redeem):
    grant = redeem(issue())
    consoles.opened(grant=grant)
    consoles.closed(grant=grant, reason="left", seconds=3.2, bytes_in=10, bytes_out=20)
    closed, opened = AuditEntry.objects.filter(action__startswith="console.")
    assert (opened.action, closed.action) == ("console.open", "console.close")
    assert closed.detail["bytes_out"] == 20
    assert opened.correlation == closed.correlation


def test_a_stolen_ticket_is_audited_as_the_thiefs_deed(issue, redeem, mallory):
    with pytest.raises(Refused):
        redeem(issue(), user_id=str(mallory.pk), session_key="his own")
    line = AuditEntry.objects.filter(action="console.open").first()
    assert (line.actor_name, line.phase) == ("mallory", "refused")


def test_a_stranger_cannot_fill_the_audit_trail_with_invented_tickets(redeem):
    with pytest.raises(Refused):
        redeem("0" * 43, user_id=None, session_key="")
    assert not AuditEntry.objects.filter(action="console.open").exists()
