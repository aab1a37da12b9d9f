"""The file of a recording: whole, by range, to whom it may go and to nobody else."""

from __future__ import annotations

import asyncio
import tracemalloc
import uuid

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings

from vms.models import VM, AuditEntry, Host, Recording, User
from vms.policy import Person, SystemActor
from vms.problems import NotFound
from vms.services import recording_files, screenings, tokens
from vms.streams.playback import wanted_span

pytestmark = pytest.mark.django_db(transaction=True)
DATA = bytes(range(256)) * 40


@pytest.fixture
def row(alice, settings, tmp_path) -> Recording:
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path})
    host = Host.objects.create(name="h", uri="test:///default")
    vm = VM.objects.create(host=host, domain_uuid=uuid.uuid4(), name='a "b"/ü', owner=alice)
    row = Recording.objects.create(vm=vm, vm_name=vm.name, kind="vnc", state="ended")
    recording_files.path_of(row.pk, "vnc").write_bytes(DATA)
    return row


class Answer:
    """What came: status, headers, body."""

    def __init__(self, messages: list[dict]) -> None:
        self.status = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])


def ticket_of(row: Recording, browser) -> str:
    """The ticket that the player of this browser gets, or one that is wrong."""
    try:
        user = User.objects.get(pk=browser.client.session["_auth_user_id"])
        return screenings.play(actor=Person(user), recording_id=row.pk).ticket
    except NotFound:
        return "none"


def ask(row: Recording, browser=None, *, path: str = "", method: str = "GET", **headers) -> Answer:
    from kvmweb.asgi import application

    raw = [(b"host", b"localhost:8000")]
    raw += [(name.encode(), value.encode()) for name, value in headers.items()]
    if browser is not None and browser.session_key:
        cookie = f"{django_settings.SESSION_COOKIE_NAME}={browser.session_key}"
        raw.append((b"cookie", cookie.encode()))
    if not path:
        path = f"/recordings/{row.pk}/file"
        path += f"?ticket={ticket_of(row, browser)}" if browser is not None else ""
    path, _mark, query = path.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": raw,
        "client": ("127.0.0.1", 1),
    }

    async def main() -> Answer:
        asking = ApplicationCommunicator(application, scope)
        await asking.send_input({"type": "http.request", "body": b""})
        messages = [await asking.receive_output(5)]
        while len(messages) == 1 or messages[-1].get("more_body"):
            messages.append(await asking.receive_output(5))
        await asking.wait(5)
        return Answer(messages)

    return asyncio.run(main())


def test_the_owner_gets_the_file_under_a_harmless_name(row, alice, browser_of) -> None:
    answer = ask(row, browser_of(alice))
    assert (answer.status, answer.body) == (200, DATA)
    assert answer.headers["content-length"] == str(len(DATA))
    name = answer.headers["content-disposition"]
    assert name.startswith("attachment; filename*=UTF-8''a%20_b_%C3%BC-")
    assert name.endswith(".kvmrfb")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=100-", 100, 10_239),
        ("bytes=-5", 10_235, 10_239),
        ("bytes=10000-99999", 10_000, 10_239),
    ],
)
def test_a_range_gives_just_those_bytes(row, alice, browser_of, header, first, last) -> None:
    answer = ask(row, browser_of(alice), range=header)
    assert answer.status == 206
    assert answer.body == DATA[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/10240"


def test_ranges_that_name_no_byte_or_nothing_we_know() -> None:
    assert wanted_span("bytes=20-", 10) is None
    assert wanted_span("bytes=5-4", 10) is None
    assert wanted_span("bytes=-0", 10) is None
    for other in ("", "bytes=-", "lines=1-2", "bytes=1-2,4-5"):
        assert wanted_span(other, 10).count == 10


def test_a_range_beyond_the_end_is_refused(row, alice, browser_of) -> None:
    answer = ask(row, browser_of(alice), range="bytes=99999-")
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */10240")


def test_head_tells_the_size_and_nothing_else(row, alice, browser_of) -> None:
    answer = ask(row, browser_of(alice), method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == "10240"
    assert ask(row, browser_of(alice), method="POST").status == 405


def test_mallory_bob_and_nobody_get_nothing(row, bob, mallory, browser_of) -> None:
    missing = f"/recordings/{uuid.uuid4()}/file"
    for user in (bob, mallory):
        browser = browser_of(user)
        foreign, unknown = ask(row, browser), ask(row, browser, path=missing)
        assert foreign.status == unknown.status == 404
        assert foreign.headers == unknown.headers
    assert ask(row).status == 401
    assert (
        ask(row, path=f"/api/v1/recordings/{row.pk}/file", authorization="Bearer x").status == 401
    )


def test_whoever_has_a_one_time_password_changes_it_first(row, alice, browser_of) -> None:
    browser = browser_of(alice)
    type(alice).objects.update(must_change_password=True)
    assert ask(row, browser).status == 401


@pytest.mark.parametrize(
    "name", ["../../db.sqlite3", "..%2f..%2fdb.sqlite3", "%2e%2e", "a" * 36, "-" * 36]
)
def test_a_path_that_leaves_the_folder_finds_nothing(row, admin, browser_of, name) -> None:
    answer = ask(row, browser_of(admin), path=f"/recordings/{name}/file")
    assert answer.status == 404
    assert DATA not in answer.body


def test_a_file_that_is_gone_is_404(row, alice, browser_of) -> None:
    recording_files.path_of(row.pk, "vnc").unlink()
    assert ask(row, browser_of(alice)).status == 404


def test_a_token_gets_it_at_the_address_of_the_api(row, alice) -> None:
    _token, secret = tokens.create(actor=SystemActor(), user=alice, name="t")
    bearer = {"authorization": f"Bearer {secret}"}
    answer = ask(row, path=f"/api/v1/recordings/{row.pk}/file", **bearer)
    assert (answer.status, answer.body) == (200, DATA)
    assert AuditEntry.objects.get(action="recording.download").door == "api"
    assert ask(row, **bearer).status == 401  # the page's address is for sessions


def test_nobody_fetches_it_unseen_by_a_session_alone(row, alice, admin, browser_of) -> None:
    browser = browser_of(alice)
    foreign = ticket_of(row, browser_of(admin))
    AuditEntry.objects.all().delete()
    for root in ("", "/api/v1"):
        for query in ("", "?download", "?ticket=", f"?ticket={foreign}", "?" + "a=1&" * 99):
            answer = ask(row, browser, path=f"{root}/recordings/{row.pk}/file{query}")
            assert (answer.status, answer.body) == (403, b""), query
    assert not AuditEntry.objects.exists()


def test_fetching_with_a_ticket_writes_nothing(row, alice, browser_of) -> None:
    browser = browser_of(alice)
    path = f"/recordings/{row.pk}/file?ticket={ticket_of(row, browser)}"
    AuditEntry.objects.all().delete()
    assert ask(row, browser, path=path, range="bytes=0-9").status == 206
    assert ask(row, browser, path=path).status == 200
    assert not AuditEntry.objects.exists()


def test_a_ticket_is_worth_nothing_when_the_right_is_gone(row, alice, browser_of) -> None:
    browser = browser_of(alice)
    path = f"/recordings/{row.pk}/file?ticket={ticket_of(row, browser)}"
    VM.objects.update(owner=None)
    assert ask(row, browser, path=path).status == 404


def test_a_large_file_takes_no_memory(row, alice, browser_of) -> None:
    path = recording_files.path_of(row.pk, "vnc")
    with path.open("wb") as file:
        file.truncate(64 << 20)
    browser = browser_of(alice)
    from kvmweb.asgi import application

    cookie = f"{django_settings.SESSION_COOKIE_NAME}={browser.session_key}"
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/recordings/{row.pk}/file",
        "query_string": f"ticket={ticket_of(row, browser)}".encode(),
        "headers": [(b"host", b"localhost:8000"), (b"cookie", cookie.encode())],
        "client": ("127.0.0.1", 1),
    }
    received = 0

    async def main() -> None:
        async def receive() -> dict:
            await asyncio.Event().wait()
            return {}

        async def send(message) -> None:
            nonlocal received
            received += len(message.get("body", b""))

        await application(scope, receive, send)

    tracemalloc.start()
    try:
        asyncio.run(main())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert received == 64 << 20
    assert peak < 8 << 20
