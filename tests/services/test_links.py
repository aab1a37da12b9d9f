"""Links to a console for people without an account; tests are named after attacks and ends."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from vms.models import VM, AuditEntry, ConsoleLink, Host, Share, Ticket
from vms.policy import Action, LinkGuest, Person, can
from vms.problems import Forbidden, Invalid, NotFound, Refused
from vms.services import consoles, limits, links, seats
from vms.services.links import LinkWish
from vms.services.table import Wish


@pytest.fixture(autouse=True)
def _no_tries(monkeypatch) -> None:
    """Nothing counted, in windows that do not end while a test runs."""
    cache.clear()
    for name in ("LINKS", "PASSPHRASES"):
        monkeypatch.setattr(limits, name, replace(getattr(limits, name), window_s=10**9))


@pytest.fixture
def vm(alice):
    """A guest of alice that runs."""
    host = Host.objects.create(name="h", uri="qemu:///system")
    xml = "<domain><devices><serial type='pty'/></devices></domain>"
    pk = uuid.uuid4()
    return VM.objects.create(
        pk=pk,
        domain_uuid=pk,
        host=host,
        name="web",
        owner=alice,
        state="running",
        has_vnc=True,
        xml=xml,
    )


def in_hours(hours: float):
    return timezone.now() + timedelta(hours=hours)


@pytest.fixture
def make(vm, alice):
    """make(**wish) makes a link of alice's; gives it and its secret."""

    def one(actor=None, **wish):
        values = {"name": "Support", "expires_at": in_hours(1), **wish}
        return links.create(actor=Person(actor or alice), vm_id=vm.pk, wish=LinkWish(**values))

    return one


def come(secret, passphrase="", address="198.51.100.7", cookies=None):
    return links.open_link(
        secret=secret, passphrase=passphrase, address=address, cookies=cookies or {}
    )


def grant_of(visit, claims=True):
    issued = consoles.issue_link_ticket(actor=visit.guest, visit=visit.key, claims=claims)
    return consoles.redeem(
        secret=issued.secret,
        vm_id=str(issued.vm.pk),
        session_key="",
        user_id=None,
        has_trusted_origin=True,
        address="198.51.100.7",
        visits=links.visits_in({visit.cookie: visit.value}),
    )


def test_a_link_opens_its_console_to_watch_and_is_audited_by_its_name(make, vm):
    link, secret = make()
    grant = grant_of(come(secret))
    assert (grant.vm_id, grant.kind, grant.may_control) == (str(vm.pk), "vnc", False)
    assert (grant.user_id, grant.user_name) == ("", "Support")
    consoles.opened(grant=grant)
    lines = AuditEntry.objects.filter(door="link").values_list("action", "actor_name")
    assert set(lines) == {("link.open", "Support"), ("console.open", "Support")}
    link.refresh_from_db()
    assert (link.uses, link.last_address) == (1, "198.51.100.7")


def test_a_control_link_uses_a_free_console_and_takes_it_from_nobody(make):
    grant = grant_of(come(make(mode="control")[1]))
    assert seats.enter(grant=grant)
    other = grant_of(come(make(mode="control")[1]))
    assert not seats.enter(grant=other)
    for wish in (Wish.TAKE, Wish.ALONE):
        with pytest.raises(Refused, match="seat-right"):
            seats.act(grant=other, wish=wish)
    names = {each.name for each in seats.look(grant=other).sitters}
    assert names == {"", "Support"}, "somebody with a link is told no names but his own"


def test_the_secret_is_kept_as_a_hash_only(make, capfd):
    link, secret = make(passphrase="open sesame")
    come(secret, "open sesame")
    row = str(ConsoleLink.objects.filter(pk=link.pk).values().get())
    trail = str(list(AuditEntry.objects.values()))
    output = "".join(capfd.readouterr())
    for place in (row, trail, output, repr(LinkWish("x", in_hours(1), passphrase="open sesame"))):
        assert secret not in place
        assert "open sesame" not in place


@pytest.mark.parametrize("what", ["expired", "revoked", "unshared", "closed", "deleted"])
def test_a_link_whose_reason_has_ended_opens_nothing_and_ends_what_is_open(
    make, vm, alice, bob, what
):
    link, secret = make()
    visit = come(secret)
    grant = grant_of(visit)
    seats.enter(grant=grant)
    assert seats.look(grant=grant).ending == ""
    if what == "expired":
        ConsoleLink.objects.update(expires_at=in_hours(-1))
    elif what == "revoked":
        links.revoke(actor=Person(alice), link_id=link.pk)
    elif what == "unshared":
        VM.objects.update(owner=bob)
    elif what == "closed":
        type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    else:
        link.delete()
    with pytest.raises(Refused, match="link-invalid"):
        come(secret)
    assert seats.look(grant=grant).ending in ("link-ended", "seat-lost")
    with pytest.raises(NotFound):
        links.visitor(
            link_id=str(link.pk or uuid.uuid4()),
            cookies={visit.cookie: visit.value},
            address="198.51.100.7",
        )


def test_a_ticket_of_a_link_that_was_revoked_meanwhile_is_refused(make, alice):
    link, secret = make()
    visit = come(secret)
    issued = consoles.issue_link_ticket(actor=visit.guest, visit=visit.key)
    links.revoke(actor=Person(alice), link_id=link.pk)
    with pytest.raises(Refused, match="ticket-invalid"):
        consoles.redeem(
            secret=issued.secret,
            vm_id=str(link.vm_id),
            session_key="",
            user_id=None,
            has_trusted_origin=True,
            address="198.51.100.7",
            visits=frozenset({visit.key}),
        )


@pytest.mark.parametrize(
    ("origin", "visits"), [(False, None), (True, frozenset()), (True, frozenset({"another"}))]
)
def test_a_stolen_ticket_of_a_link_needs_its_browser_and_the_sites_origin(make, origin, visits):
    visit = come(make()[1])
    issued = consoles.issue_link_ticket(actor=visit.guest, visit=visit.key)
    with pytest.raises(Refused, match="ticket-invalid"):
        consoles.redeem(
            secret=issued.secret,
            vm_id=str(issued.vm.pk),
            session_key="",
            user_id=None,
            has_trusted_origin=origin,
            address="203.0.113.9",
            visits=frozenset({visit.key}) if visits is None else visits,
        )
    assert Ticket.objects.get().used_at is not None


def test_a_link_is_used_up_and_coming_back_is_no_new_use(make):
    _link, secret = make(uses=2)
    first = come(secret)
    cookies = {first.cookie: first.value}
    assert come(secret, cookies=cookies).key == first.key
    come(secret, address="198.51.100.8")
    with pytest.raises(Refused, match="link-invalid"):
        come(secret, address="198.51.100.9")
    assert come(secret, cookies=cookies).key == first.key


def test_a_visit_that_was_forged_or_is_of_another_link_is_none(make):
    first, second = make(), make()
    visit = come(first[1])
    elsewhere = {links.cookie_of(second[0].pk): visit.value}
    assert links.visit_of(second[0], elsewhere, "") is None
    assert links.visit_of(first[0], {visit.cookie: visit.value + "x"}, "") is None
    assert links.visits_in({visit.cookie: "eyJ2aXNpdCI6ICJ4In0:x:y"}) == frozenset()


def test_a_passphrase_is_asked_for_and_guessing_it_ends_soon(make):
    _link, secret = make(passphrase="open sesame")
    with pytest.raises(Refused, match="link-passphrase"):
        come(secret)
    for number in range(limits.PASSPHRASES.amount):
        with pytest.raises(Refused, match="link-passphrase-wrong"):
            come(secret, f"guess {number}", address=f"198.51.100.{number}")
    for address in ("198.51.100.200", "2001:db8::1"):
        with pytest.raises(Refused, match="too-many-tries"):
            come(secret, "open sesame", address=address)
    refused = AuditEntry.objects.filter(action="link.open", phase="refused", actor_name="Support")
    assert refused.count() == limits.PASSPHRASES.amount
    cache.clear()
    assert come(secret, "open sesame")


def test_a_share_link_tried_10_000_times(make, django_assert_max_num_queries):
    _link, secret = make()
    codes: dict[str, int] = {}
    with django_assert_max_num_queries(limits.LINKS.amount):
        for number in range(10_000):
            try:
                come(f"guess-{number}", address=f"2001:db8::{number:x}")
            except Refused as problem:
                codes[problem.code] = codes.get(problem.code, 0) + 1
    failures = limits.LINKS.amount
    assert codes == {"link-invalid": failures, "too-many-tries": 10_000 - failures}
    assert not AuditEntry.objects.filter(action="link.open").exists()
    with pytest.raises(Refused, match="too-many-tries"):
        come(secret, address="2001:db8::42")
    assert come(secret, address="203.0.113.1"), "others are not locked out"


@pytest.mark.parametrize("secret", ["", "x" * 101, "\0", "é", "%00", "' OR 1=1 --"])
def test_a_secret_that_is_none_opens_nothing(make, secret):
    make()
    with pytest.raises(Refused, match="link-invalid"):
        come(secret)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"expires_at": None}, "expires_at"),
        ({"expires_at": 91 * 24}, "expires_at"),
        ({"mode": "admin"}, "mode"),
        ({"kind": "serial", "device": 3}, "kind"),
        ({"kind": "ssh"}, "kind"),
        ({"uses": 0}, "uses"),
        ({"uses": 1001}, "uses"),
        ({"passphrase": "short"}, "passphrase"),
    ],
)
def test_what_is_wrong_stands_at_its_field(make, change, field):
    if "expires_at" in change:
        change = {"expires_at": in_hours(change["expires_at"] or -1)}
    with pytest.raises(Invalid) as caught:
        make(**change)
    assert list(caught.value.fields) == [field]
    assert not ConsoleLink.objects.exists()


def test_only_who_may_share_makes_and_revokes_links(make, vm, alice, bob, carol, admin, mallory):
    Share.objects.create(vm=vm, user=bob, role="operator")
    Share.objects.create(vm=vm, user=carol, role="viewer")
    link, _secret = make()
    for user, error in ((bob, Forbidden), (carol, Forbidden), (mallory, NotFound)):
        with pytest.raises(error):
            make(actor=user)
        with pytest.raises(NotFound):
            links.revoke(actor=Person(user), link_id=link.pk)
    make(actor=admin)
    links.revoke(actor=Person(admin), link_id=link.pk)
    link.refresh_from_db()
    assert not link.is_alive


@pytest.mark.parametrize("mode", ["view", "control"])
def test_a_link_lets_nothing_be_done_but_its_console(make, vm, alice, mode):
    link, _secret = make(mode=mode)
    other = VM.objects.create(host=vm.host, domain_uuid=uuid.uuid4(), name="o", owner=alice)
    guest = LinkGuest(link)
    allowed = {action for action in Action if can(guest, action, vm)}
    wanted = {Action.VM_CONSOLE_VIEW} | ({Action.VM_CONSOLE} if mode == "control" else set())
    assert allowed == wanted
    assert not any(can(guest, action, other) for action in Action)
    assert not any(can(guest, action) for action in Action)
