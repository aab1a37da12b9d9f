"""Who learns what from the status socket."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from dataclasses import replace

import pytest
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from tests.streams.conftest import receive, received_until, run
from vms.hypervisor.types import HostLoad
from vms.live import gauges, publish
from vms.live.hub import hub
from vms.live.messages import GROUP, Numbers, hints_to_wire
from vms.models import VM, Group, Host, Membership, Share
from vms.streams import sights, status

pytestmark = pytest.mark.django_db(transaction=True)

NUMBERS = Numbers(10.0, 1.0, 2.0, "rss", 1024.0, 2048.0, 3072.0, 4096.0)
RATES = (1.0, None, 3.0, 4.0)
ROW = [10, 1, 2, 1024, 2048, 3072, 4096]


@pytest.fixture
def host(db) -> Host:
    return Host.objects.create(name="h", uri="test:///default", status="connected")


@pytest.fixture
def guest(host, alice) -> VM:
    key = uuid.uuid4()
    return VM.objects.create(pk=key, host=host, domain_uuid=key, name="alices", owner=alice)


async def connected(browser) -> object:
    socket = browser.socket()
    is_open, _protocol = await socket.connect(timeout=5)
    assert is_open
    await receive(socket, "hello")
    return socket


async def silent(socket) -> list[dict]:
    """Everything that has been sent so far: ask for an answer that comes after it."""
    await socket.send_json_to({"t": "ping"})
    return (await received_until(socket, "pong"))[:-1]


async def pushed(socket) -> list[dict]:
    """Everything that has been published so far: push something that comes after it."""
    publish.things_changed("fence")
    return (await received_until(socket, "changed"))[:-1]


def test_the_owner_and_an_administrator_get_numbers_and_hints_of_a_guest(
    browser_of, alice, admin, guest
) -> None:
    async def body() -> None:
        for who in (alice, admin):
            socket = await connected(browser_of(who))
            publish.numbers("h", {str(guest.pk): NUMBERS})
            frame = await receive(socket, "numbers")
            assert frame["vms"] == {str(guest.pk): ROW}
            assert frame["at"] > 1e12
            publish.vm_changed(str(guest.pk), 12)
            assert await receive(socket, "vm") == {"t": "vm", "id": str(guest.pk), "rev": 12}
            publish.job_changed(str(guest.pk), "job-1", str(alice.pk))
            assert (await receive(socket, "job"))["vm"] == str(guest.pk)
            await socket.disconnect()

    run(body)


def test_a_notice_is_told_to_its_person_alone(browser_of, alice, mallory) -> None:
    async def body() -> None:
        hers, his = await connected(browser_of(alice)), await connected(browser_of(mallory))
        publish.notices_changed(str(alice.pk))
        assert await pushed(his) == []
        assert await receive(hers, "notices") == {"t": "notices"}
        await hers.disconnect()
        await his.disconnect()

    run(body)


def test_mallory_learns_nothing_of_a_guest_that_is_not_his(
    browser_of, mallory, alice, guest
) -> None:
    async def body() -> None:
        socket = await connected(browser_of(mallory))
        await socket.send_json_to({"t": "watch", "ids": [str(guest.pk)]})
        assert (await receive(socket, "history"))["vms"] == {}
        publish.numbers("h", {str(guest.pk): NUMBERS})
        publish.host_load("h", HostLoad(1.0, 2, 3), RATES)
        publish.vm_changed(str(guest.pk), 3)
        publish.job_changed(str(guest.pk), "job-1", str(alice.pk))
        publish.things_changed("people")
        await asyncio.to_thread(guest.delete)
        publish.vm_gone(str(guest.pk))
        publish.host_changed("host-of-alice")
        messages = await received_until(socket, "host")
        assert messages == [{"t": "host", "id": ""}]
        assert str(guest.domain_uuid) not in str(messages)
        await socket.disconnect()

    run(body)


def test_a_guest_that_goes_is_told_to_those_who_saw_it(browser_of, alice, guest) -> None:
    async def body() -> None:
        key = str(guest.pk)
        socket = await connected(browser_of(alice))
        await asyncio.to_thread(guest.delete)
        publish.vm_gone(key)
        assert await receive(socket, "gone") == {"t": "gone", "id": key}
        await socket.disconnect()

    run(body)


def test_rights_that_move_move_the_guest_from_one_page_to_the_other(
    browser_of, alice, bob, guest
) -> None:
    async def body() -> None:
        key = str(guest.pk)
        of_alice, of_bob = await connected(browser_of(alice)), await connected(browser_of(bob))
        await asyncio.to_thread(lambda: VM.objects.update(owner=bob))
        publish.rights_changed(str(alice.pk))
        publish.rights_changed(str(bob.pk))
        assert (await receive(of_alice, "gone"))["id"] == key
        assert (await receive(of_bob, "vm"))["id"] == key
        publish.numbers("h", {key: NUMBERS})
        assert (await receive(of_bob, "numbers"))["vms"] == {key: ROW}
        assert await pushed(of_alice) == [{"t": "resync"}]
        await of_alice.disconnect()
        await of_bob.disconnect()

    run(body)


@pytest.mark.parametrize("has_group", [False, True])
def test_a_share_that_comes_and_goes_shows_and_hides_the_guest(
    browser_of, bob, mallory, guest, has_group
) -> None:
    group = Group.objects.create(name="Class") if has_group else None

    def give() -> None:
        if group is None:
            Share.objects.create(vm=guest, user=bob, role="viewer")
        else:
            Share.objects.create(vm=guest, group=group, role="viewer")
            Membership.objects.create(group=group, user=bob)
        publish.rights_changed(str(bob.pk))

    def take() -> None:
        if group is None:
            Share.objects.all().delete()
        else:
            group.delete()
        publish.rights_changed(str(bob.pk))

    async def body() -> None:
        key = str(guest.pk)
        of_bob = await connected(browser_of(bob))
        of_mallory = await connected(browser_of(mallory))
        await asyncio.to_thread(give)
        assert (await receive(of_bob, "vm"))["id"] == key
        publish.numbers("h", {key: NUMBERS})
        assert (await receive(of_bob, "numbers"))["vms"] == {key: ROW}
        await asyncio.to_thread(take)
        assert await receive(of_bob, "gone") == {"t": "gone", "id": key}
        assert await pushed(of_mallory) == []
        await of_bob.disconnect()
        await of_mallory.disconnect()

    run(body)


def test_a_role_that_changes_what_can_be_done_reloads_the_page(browser_of, bob, guest) -> None:
    Share.objects.create(vm=guest, user=bob, role="viewer")

    async def body() -> None:
        socket = await connected(browser_of(bob))
        await asyncio.to_thread(Share.objects.update, role="operator")
        publish.rights_changed(str(bob.pk))
        assert await pushed(socket) == [{"t": "resync"}]
        await socket.disconnect()

    run(body)


def test_a_lost_hint_is_made_up_for_within_seconds(browser_of, alice, guest, monkeypatch) -> None:
    monkeypatch.setattr(status, "RECHECK_S", 0.1)

    async def body() -> None:
        socket = await connected(browser_of(alice))
        await asyncio.to_thread(lambda: VM.objects.update(owner=None))
        assert (await receive(socket, "gone"))["id"] == str(guest.pk)
        await socket.disconnect()

    run(body)


def test_who_logs_out_is_told_and_closed(browser_of, alice, monkeypatch) -> None:
    monkeypatch.setattr(status, "RECHECK_S", 0.1)
    hers = browser_of(alice)

    async def body() -> None:
        socket = await connected(hers)
        await asyncio.to_thread(hers.client.logout)
        assert await receive(socket, "bye") == {"t": "bye", "why": "logged-out"}
        assert await socket.receive_output(5) == {"type": "websocket.close", "code": 4401}

    run(body)


def test_who_is_deactivated_is_closed_at_once(browser_of, alice) -> None:
    async def body() -> None:
        socket = await connected(browser_of(alice))
        alice.is_active = False
        await asyncio.to_thread(alice.save)
        publish.rights_changed(str(alice.pk))
        assert await receive(socket, "bye", 2) == {"t": "bye", "why": "deactivated"}

    run(body)


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.example", "http://localhost:8001", "https://localhost:8000"],
)
def test_another_page_cannot_open_the_socket_with_alices_cookie(browser_of, alice, origin) -> None:
    async def body() -> None:
        is_open, _code = await browser_of(alice).socket(origin=origin).connect(timeout=5)
        assert not is_open

    run(body)


def test_nobody_gets_in_without_a_session(browser_of) -> None:
    async def body() -> None:
        is_open, _code = await browser_of(None).socket().connect(timeout=5)
        assert not is_open
        assert hub.subscriber_count == 0

    run(body)


@pytest.mark.parametrize("path", ["/ws/", "/ws/nothing", "/ws/status/more", "/"])
def test_a_socket_to_nowhere_is_refused(browser_of, alice, path) -> None:
    async def body() -> None:
        is_open, _code = await browser_of(alice).socket(path).connect(timeout=5)
        assert not is_open

    run(body)


@pytest.mark.parametrize("path", ["/kvm/ws/status", "/ws/status"])
def test_a_proxy_may_cut_the_prefix_off_or_not(browser_of, alice, settings, path) -> None:
    settings.FORCE_SCRIPT_NAME = "/kvm"

    async def body() -> None:
        socket = browser_of(alice).socket(path)
        is_open, _code = await socket.connect(timeout=5)
        assert is_open
        await socket.disconnect()

    run(body)


def test_a_page_gets_the_history_of_what_it_watches_and_numbers_of_all_it_may_see(
    browser_of, alice, guest, host
) -> None:
    key = uuid.uuid4()
    VM.objects.create(pk=key, host=host, domain_uuid=key, name="second", owner=alice)

    async def body() -> None:
        publish.numbers("h", {str(guest.pk): NUMBERS, str(key): NUMBERS})
        socket = await connected(browser_of(alice))
        await socket.send_json_to({"t": "watch", "ids": [str(key), "nonsense", 7]})
        assert (await receive(socket, "history"))["vms"] == {str(key): [ROW]}
        await socket.send_json_to({"t": "visible", "on": True})
        assert (await receive(socket, "numbers"))["vms"] == {str(guest.pk): ROW, str(key): ROW}
        publish.numbers("h", {str(guest.pk): NUMBERS, str(key): Numbers()})
        assert (await receive(socket, "numbers"))["vms"] == {str(key): [None] * 7}
        await socket.disconnect()

    run(body)


def test_a_hidden_page_gets_hints_but_no_numbers(browser_of, admin, guest) -> None:
    async def body() -> None:
        socket = await connected(browser_of(admin))
        await socket.send_json_to({"t": "visible", "on": False})
        await silent(socket)
        publish.numbers("h", {str(guest.pk): NUMBERS})
        publish.host_load("h", HostLoad(1.0, 2, 3), RATES)
        publish.vm_changed(str(guest.pk), 2)
        assert [m["t"] for m in await received_until(socket, "vm")] == ["vm"]
        await socket.disconnect()

    run(body)


def test_only_changed_numbers_are_sent_and_everything_once_when_the_page_is_shown(
    browser_of, alice, guest, host
) -> None:
    key, one = uuid.uuid4(), str(guest.pk)
    VM.objects.create(pk=key, host=host, domain_uuid=key, name="second", owner=alice)
    two, busy = str(key), [50, *ROW[1:]]

    async def body() -> None:
        socket = await connected(browser_of(alice))

        async def tick(**of_two: float) -> dict:
            publish.numbers("h", {one: NUMBERS, two: replace(NUMBERS, **of_two)})
            return await receive(socket, "numbers")

        assert (await tick())["vms"] == {one: ROW, two: ROW}
        assert (await tick())["vms"] == {}
        assert (await tick(cpu_percent=50.0))["vms"] == {two: busy}
        assert (await tick(cpu_percent=50.3))["vms"] == {}
        publish.numbers("h", {one: NUMBERS})
        assert (await receive(socket, "numbers"))["vms"] == {two: [None] * 7}
        publish.numbers("h", {one: NUMBERS})
        assert (await receive(socket, "numbers"))["vms"] == {}
        await socket.send_json_to({"t": "visible", "on": False})
        await silent(socket)
        publish.numbers("h", {one: replace(NUMBERS, cpu_percent=20.0), two: NUMBERS})
        assert await pushed(socket) == []
        await socket.send_json_to({"t": "visible", "on": True})
        frame = await receive(socket, "numbers")
        assert frame["full"]
        assert frame["vms"] == {one: [20, *ROW[1:]], two: ROW}
        assert (await tick())["vms"] == {one: ROW}
        await socket.disconnect()

    run(body)


def test_who_gets_a_right_gets_the_numbers_at_once(browser_of, alice, bob, guest) -> None:
    async def body() -> None:
        socket = await connected(browser_of(bob))
        publish.numbers("h", {str(guest.pk): NUMBERS})
        await asyncio.to_thread(lambda: VM.objects.update(owner=bob))
        publish.rights_changed(str(bob.pk))
        frame = await receive(socket, "numbers")
        assert frame["more"]
        assert frame["vms"] == {str(guest.pk): ROW}
        await socket.disconnect()

    run(body)


def test_a_socket_that_never_reads_costs_frames_and_no_memory(browser_of, alice, guest) -> None:
    async def body() -> None:
        sent, is_read = [], asyncio.Event()

        async def send(message: dict) -> None:
            sent.append(message)
            if len(sent) > 2:  # the handshake and hello still fit into the buffers
                await is_read.wait()

        incoming: asyncio.Queue[dict] = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.connect"})
        scope = browser_of(alice).socket().scope
        task = asyncio.ensure_future(status.StatusConsumer.as_asgi()(scope, incoming.get, send))
        while len(sent) < 2:
            await asyncio.sleep(0)
        (inbox,) = hub._subscribers
        for percent in range(1000):
            numbers = replace(NUMBERS, cpu_percent=percent / 10)
            publish.numbers("h", {str(guest.pk): numbers})
            publish.host_load("h", HostLoad(percent / 10, 2, 3), RATES)
            publish.vm_changed(str(guest.pk), percent)
            if percent % 10 == 0:
                await asyncio.sleep(0.001)
        assert len(inbox._waiting) <= 3
        assert len(sent) == 3
        is_read.set()
        while not any(
            "99.9" in each.get("text", "") or "[100," in each.get("text", "") for each in sent
        ):
            await asyncio.sleep(0)
        assert len(sent) < 10
        incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await task
        assert hub.subscriber_count == 0

    run(body)


def test_a_page_that_vanishes_under_a_write_leaves_nothing_behind(browser_of, alice) -> None:
    async def body() -> None:
        async def send(message: dict) -> None:
            if "pong" in message.get("text", ""):
                raise BrokenPipeError

        incoming: asyncio.Queue[dict] = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.connect"})
        incoming.put_nowait({"type": "websocket.receive", "text": '{"t":"ping"}'})
        scope = browser_of(alice).socket().scope
        before = gauges.status_sockets._value.get()
        await status.StatusConsumer.as_asgi()(scope, incoming.get, send)
        await asyncio.sleep(0)
        assert hub.subscriber_count == 0
        assert gauges.status_sockets._value.get() == before
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "status"]

    run(body)


def test_twenty_sockets_cut_one_after_the_other_leave_nothing_behind(
    browser_of, alice, guest
) -> None:
    async def body() -> None:
        tasks = len(asyncio.all_tasks())
        for number in range(20):
            socket = await connected(browser_of(alice))
            publish.numbers("h", {str(guest.pk): replace(NUMBERS, cpu_percent=number)})
            assert (await receive(socket, "numbers"))["vms"][str(guest.pk)][0] == number
            await socket.disconnect(1006)
        assert hub.subscriber_count == 0
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == tasks

    run(body)


def test_a_full_channel_layer_is_noticed_and_pages_look_for_themselves(
    browser_of, alice, guest
) -> None:
    async def body() -> None:
        socket = await connected(browser_of(alice))
        layer = get_channel_layer()
        publish.vm_changed(str(guest.pk), 1)
        await receive(socket, "vm")
        (channel,) = layer.groups[GROUP]
        for number in range(300):  # without a pause, so that nobody takes anything out
            with contextlib.suppress(ChannelFull):
                await layer.send(channel, hints_to_wire([]) | {"from": "other", "n": number})
        await silent(socket)
        await layer.send(channel, hints_to_wire([]) | {"from": "other", "n": 300})
        assert await receive(socket, "resync") == {"t": "resync"}
        publish.vm_changed(str(guest.pk), 2)
        assert (await receive(socket, "vm"))["rev"] == 2
        await socket.disconnect()

    run(body)


def test_hints_about_the_guests_of_others_cost_one_look(
    browser_of, mallory, guest, monkeypatch
) -> None:
    looks, look = [], sights.look
    monkeypatch.setattr(sights, "look", lambda *args: looks.append(args) or look(*args))

    async def body() -> None:
        socket = await connected(browser_of(mallory))
        for revision in range(10):
            publish.vm_changed(str(guest.pk), revision)
            assert await pushed(socket) == []
        assert len(looks) == 2
        await asyncio.to_thread(lambda: VM.objects.update(owner=mallory))
        publish.rights_changed(str(mallory.pk))
        assert (await receive(socket, "vm"))["id"] == str(guest.pk)
        await socket.disconnect()

    run(body)


def test_a_thousand_hints_travel_in_few_frames(browser_of, admin, host) -> None:
    keys = [uuid.uuid4() for _ in range(500)]
    VM.objects.bulk_create(
        VM(pk=key, host=host, domain_uuid=key, name=str(number)) for number, key in enumerate(keys)
    )

    async def body() -> None:
        socket = await connected(browser_of(admin))
        for key in keys * 2:
            publish.vm_changed(str(key), 7)
        texts = []
        while sum(text.count('"vm"') for text in texts) < len(keys):
            texts.append(await socket.receive_from(5))
        assert len(texts) < 5
        await socket.disconnect()

    run(body)


def test_only_an_administrator_gets_the_load_of_a_host(browser_of, admin, alice) -> None:
    async def body() -> None:
        his, hers = await connected(browser_of(admin)), await connected(browser_of(alice))
        publish.host_load("h", HostLoad(50.0, 100, 200), RATES)
        load = await receive(his, "host-load")
        assert load == {
            "t": "host-load",
            "id": "h",
            "cpu": 50.0,
            "used": 100,
            "total": 200,
            "rates": [1.0, None, 3.0, 4.0],
        }
        assert await pushed(hers) == []
        await his.disconnect()
        await hers.disconnect()

    run(body)


@pytest.mark.parametrize("text", [" ", "{", "[]", "7", '{"t":[]}', '{"t":"watch","ids":{}}', "\0"])
def test_nonsense_from_a_page_is_ignored(browser_of, alice, text) -> None:
    async def body() -> None:
        socket = await connected(browser_of(alice))
        await socket.send_to(text_data=text)
        assert await silent(socket) == []
        await socket.disconnect()

    run(body)


def test_a_page_that_talks_without_end_is_closed(browser_of, alice) -> None:
    async def body() -> None:
        socket = await connected(browser_of(alice))
        for _ in range(status.MAX_MESSAGES_PER_CHECK + 1):
            await socket.send_to(text_data="{}")
        assert (await socket.receive_output(5))["code"] == 4408

    run(body)


def test_nothing_listens_any_more_when_the_page_is_left(browser_of, alice) -> None:
    async def body() -> None:
        socket = await connected(browser_of(alice))
        assert hub.subscriber_count == 1
        await socket.disconnect()
        assert hub.subscriber_count == 0

    run(body)
