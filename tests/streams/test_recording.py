"""What is recorded while somebody looks: when it begins and ends, and who may not look without."""

from __future__ import annotations

import asyncio
import contextlib
import zlib

import pytest

from tests.streams.conftest import end_of, opened, run
from tests.support.vnc import Display
from vms.hypervisor.errors import WrongState
from vms.live import publish
from vms.models import VM, Recording
from vms.policy import Person
from vms.rfb import recording as container
from vms.services import recording_files, recordings
from vms.streams import film, studio

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(settings, tmp_path, monkeypatch) -> None:
    """A home of the test's own, and nothing that waits."""
    free = {"home": tmp_path, "recording_free_mib": 0}
    settings.KVMWEB = settings.KVMWEB.model_copy(update=free)
    monkeypatch.setattr(studio, "LINGER_S", 0.0)
    monkeypatch.setattr(film, "LOOK_S", 0.05)
    monkeypatch.setattr(film, "PACE_S", 0.0)


class Film:
    """The display that the recorder opens for itself."""

    def __init__(self) -> None:
        self.refusal: Exception | None = None
        self.made = asyncio.Event()
        self.display: Display | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def prepare(self) -> None:
        """Have a display ready; to be called on the loop."""
        self.display = Display()

    def open(self, _device: object):
        if self.refusal:
            raise self.refusal
        return self.display.ours

    @contextlib.asynccontextmanager
    async def rolling(self):
        """A display that answers, until the block ends."""
        self.prepare()
        task = asyncio.create_task(self.display.serve())
        try:
            yield self.display
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.display.close()


@pytest.fixture
def films(monkeypatch) -> Film:
    made = Film()
    monkeypatch.setattr(film, "_open_display", made.open)
    return made


async def until(condition):
    async with asyncio.timeout(5):
        while not (found := await asyncio.to_thread(condition)):
            await asyncio.sleep(0.01)
        return found


async def attended(count: int = 1) -> None:
    """Wait until so many look at the device."""
    await until(lambda: sum(each.people for each in studio.studio.stands()) == count)


def ended() -> Recording | None:
    return Recording.objects.filter(state="ended").first()


def pictures(row: Recording) -> list[tuple[int, bytes]]:
    """Kind and pixels of each picture in a file."""
    path = recording_files.path_of(row.pk, row.kind)
    data = path.read_bytes()
    _head, at = container.unpack_file_head(data)
    found = []
    while head := container.unpack_picture_head(data[at:]):
        begin = at + container.HEAD_OF_PICTURE.size
        at = begin + head.packed_bytes
        found.append((head.kind, zlib.decompress(data[begin:at])[-8 * 4 * 4 :]))
    return found


def test_a_recording_that_somebody_asks_for_ends_with_the_last_picture(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
    films,
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        async with films.rolling() as display:
            socket_ = await opened(hers, guest, secret)
            await attended()
            row = await asyncio.to_thread(recordings.start, actor=Person(alice), vm_id=guest.pk)
            path = recording_files.path_of(row.pk, "vnc")
            await until(lambda: recording_files.contents(path, "vnc").keys)
            display.draw(2)
            await until(lambda: pictures(row)[-1][1] == bytes([2]) * 128)
            display.colour = 3  # drawn, and told to nobody until the end
            await asyncio.to_thread(recordings.stop, actor=Person(alice), recording_id=row.pk)
            done = await until(ended)
            assert done.reason == "stopped"
            assert done.size_bytes == path.stat().st_size
            seen = pictures(row)
            assert seen[0] == (container.KEY, bytes([1]) * 128)
            assert seen[-1] == (container.KEY, bytes([3]) * 128)
            await socket_.disconnect()

    run(body)
    assert studio.studio.count == 0


def test_a_recording_ends_when_the_last_who_looked_has_left(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
    films,
) -> None:
    hers = browser_of(alice)
    secrets = [ticket(hers, alice) for _ in range(2)]
    VM.objects.update(recording="always")

    async def body() -> None:
        async with films.rolling():
            first = await opened(hers, guest, secrets[0])
            row = await until(lambda: Recording.objects.filter(state="running").first())
            second = await opened(hers, guest, secrets[1])
            await attended(2)
            await first.disconnect()
            path = recording_files.path_of(row.pk, "vnc")
            await until(lambda: recording_files.contents(path, "vnc").keys)
            assert await asyncio.to_thread(ended) is None
            await second.disconnect()
            assert (await until(ended)).reason == "closed"
            assert await asyncio.to_thread(Recording.objects.count) == 1

    run(body)


def test_a_guest_that_ends_ends_its_recording(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
    films,
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        async with films.rolling() as display:
            socket_ = await opened(hers, guest, secret)
            await attended()
            await asyncio.to_thread(recordings.start, actor=Person(alice), vm_id=guest.pk)
            await until(lambda: Recording.objects.filter(size_bytes__gt=0).first())
            display.close()
            assert (await until(ended)).reason == "guest-ended"
            await socket_.disconnect()

    run(body)


@pytest.mark.parametrize("limit", ["limit-size", "limit-time"])
def test_a_guest_that_is_always_recorded_goes_on_in_a_new_recording_at_its_limit(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
    films,
    monkeypatch,
    limit,
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)
    VM.objects.update(recording="always")
    limits = iter(["", "", "", limit])
    monkeypatch.setattr(film.Roll, "limit", lambda _self: next(limits, ""))

    async def body() -> None:
        async with films.rolling():
            again = films.display
            socket_ = await opened(hers, guest, secret)
            await until(lambda: Recording.objects.filter(size_bytes__gt=0).first())
            films.prepare()
            task = asyncio.create_task(films.display.serve())
            assert (await until(ended)).reason == limit
            await until(lambda: Recording.objects.filter(state="running").count() == 1)
            await socket_.disconnect()
            await until(lambda: Recording.objects.filter(state="ended").count() == 2)
            task.cancel()
            again.close()

    run(body)


def test_nobody_looks_at_a_guest_that_must_be_recorded_and_cannot(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
    films,
    settings,
) -> None:
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"recording_free_mib": 1 << 40})
    hers = browser_of(alice)
    secret = ticket(hers, alice)
    VM.objects.update(recording="always")

    async def body() -> None:
        assert await end_of(await opened(hers, guest, secret)) == 4424
        assert (await until(ended)).reason == "no-room"

    run(body)


def test_a_display_that_cannot_be_recorded_ends_the_console_as_it_would_itself(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
    films,
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)
    VM.objects.update(recording="always")
    films.refusal = WrongState(detail="off")

    async def body() -> None:
        assert await end_of(await opened(hers, guest, secret)) == 4410
        assert (await until(ended)).reason == "wrong-state"

    run(body)


def test_an_open_console_follows_when_the_guest_is_to_be_recorded(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
    films,
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        async with films.rolling():
            socket_ = await opened(hers, guest, secret)
            await attended()
            actor = Person(alice)
            change = recordings.set_policy
            await asyncio.to_thread(change, actor=actor, vm_id=guest.pk, policy="always")
            await until(lambda: Recording.objects.filter(state="running").first())
            await asyncio.to_thread(change, actor=actor, vm_id=guest.pk, policy="off")
            assert (await until(ended)).reason == "policy"
            await socket_.disconnect()

    run(body)


def test_a_server_that_stops_ends_its_recordings_in_order(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
    films,
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)
    VM.objects.update(recording="always")

    async def body() -> None:
        async with films.rolling():
            socket_ = await opened(hers, guest, secret)
            await until(lambda: Recording.objects.filter(state="running").first())
            await studio.studio.stop()
            assert (await asyncio.to_thread(ended)).reason == "server-stopped"
            publish.vm_changed(str(guest.pk), 2)
            await socket_.disconnect()

    run(body)
