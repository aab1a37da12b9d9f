"""Uploads by the tus protocol: every step, every cut, and nobody who should not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from vms.models import AuditEntry, Job, Pool, Upload
from vms.policy import Person, SystemActor
from vms.services import account, incoming, limits, tokens, uploads
from vms.services.limits import Limit
from vms.streams import receiving, upload

ORIGIN = "http://localhost:8000"
ROOT = "/api/v1/uploads/"
DATA = os.urandom(3_000_001)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path, "pool": "default-pool"})


@pytest.fixture(autouse=True)
def _jobs_wait():
    """Jobs wait: what they do is tested elsewhere."""
    from vms.queue import huey

    huey.immediate = False


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def offset(self) -> int:
        return int(self.headers["upload-offset"])


class Caller:
    """Somebody who sends requests to the real ASGI application, body in pieces."""

    def __init__(self, user: Any = None, *, origin: str = ORIGIN, token: str = "") -> None:
        self.headers = {"host": "localhost:8000", "tus-resumable": "1.0.0"}
        if origin:
            self.headers["origin"] = origin
        if token:
            self.headers["authorization"] = f"Bearer {token}"
        elif user is not None:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            self.headers["cookie"] = f"{name}={client.cookies[name].value}"

    async def send(
        self, method: str, path: str, body: bytes = b"", *, cut: bool = False, **headers: str
    ) -> Answer:
        pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)] or [b""]
        messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
        ]
        messages.append({"type": "http.disconnect"} if cut else {"type": "http.request"})
        return await self.feed(method, path, iter(messages).__next__, headers)

    async def feed(self, method: str, path: str, next_message: Any, headers: Any) -> Answer:
        from kvmweb.asgi import application

        answer = Answer()
        lines = {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}

        async def receive() -> dict[str, Any]:
            message = next_message()
            return await message if asyncio.iscoroutine(message) else message

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "scheme": "http",
            "client": ("127.0.0.1", 1),
            "headers": [(k.lower().encode(), v.encode()) for k, v in lines.items() if v],
        }
        async with asyncio.timeout(20):
            await application(scope, receive, send)
        return answer

    async def create(self, size: int, filename: str = "disk.raw", **values: str) -> Answer:
        pairs = {"filename": filename, **values}
        packed = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items()
        )
        return await self.send("POST", ROOT, upload_length=str(size), upload_metadata=packed)

    async def patch(self, path: str, offset: int, body: bytes, **more: Any) -> Answer:
        usual = {"content_type": "application/offset+octet-stream", "upload_offset": str(offset)}
        return await self.send("PATCH", path, body, **{**usual, **more})


@pytest.fixture
def caller(admin, test_host):
    """The administrator's browser."""
    return Caller(admin)


def test_a_file_goes_up_in_pieces_and_arrives_byte_for_byte(caller):
    async def body():
        made = await caller.create(len(DATA))
        assert made.status == 201
        path = made.headers["location"]
        assert "upload-expires" in made.headers
        first = await caller.patch(path, 0, DATA[:1_000_000])
        assert (first.status, first.offset) == (204, 1_000_000)
        told = await caller.send("HEAD", path)
        assert (told.status, told.offset) == (200, 1_000_000)
        assert told.headers["upload-length"] == str(len(DATA))
        assert told.headers["cache-control"] == "no-store"
        return path, await caller.patch(path, 1_000_000, DATA[1_000_000:])

    path, last = asyncio.run(body())
    assert last.status == 204
    job = Job.objects.get(pk=last.headers["kvmweb-job"])
    assert (job.kind, job.target_name, job.state) == ("import-image", "disk.raw", "queued")
    assert incoming.path_of(job.target_id).read_bytes() == DATA
    assert not Upload.objects.exists()
    assert path.endswith(str(job.target_id))
    line = AuditEntry.objects.get(action="image.upload")
    assert (line.phase, line.target_name) == ("requested", "disk.raw")


def test_a_cut_keeps_what_came_and_goes_on_from_there(caller):
    async def body():
        path = (await caller.create(len(DATA))).headers["location"]
        await caller.patch(path, 0, DATA[:2_222_222], cut=True)
        told = await caller.send("HEAD", path)
        assert told.offset == 2_222_222
        return await caller.patch(path, told.offset, DATA[told.offset :])

    job = Job.objects.get(pk=asyncio.run(body()).headers["kvmweb-job"])
    assert incoming.path_of(job.target_id).read_bytes() == DATA


def test_zeros_take_no_space_and_come_back_as_zeros(caller):
    data = bytes(8 << 20) + DATA + bytes(4 << 20)

    async def body():
        path = (await caller.create(len(data))).headers["location"]
        return await caller.patch(path, 0, data)

    job = Job.objects.get(pk=asyncio.run(body()).headers["kvmweb-job"])
    file = incoming.path_of(job.target_id)
    assert file.read_bytes() == data
    assert file.stat().st_blocks * 512 < 6 << 20


def test_another_connection_takes_over_from_one_that_hangs(caller):
    """As after a change of networks: the old connection is dead, and nobody has told the server."""

    async def body():
        path = (await caller.create(len(DATA))).headers["location"]
        messages = [{"type": "http.request", "body": DATA[:500_000], "more_body": True}]
        taken = asyncio.Event()

        def hangs() -> Any:
            if messages:
                return messages.pop()
            taken.set()
            return asyncio.Event().wait()

        headers = {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
        old = asyncio.create_task(caller.feed("PATCH", path, hangs, headers))
        await taken.wait()
        told = await caller.send("HEAD", path)
        assert told.offset == 500_000
        assert (await old).status == 409
        return await caller.patch(path, told.offset, DATA[told.offset :])

    assert asyncio.run(body()).status == 204
    assert upload._wanted == {}


def test_a_sender_who_stalls_is_let_go_and_what_came_is_kept(caller, monkeypatch):
    monkeypatch.setattr(upload, "STALLED_S", 0.1)
    monkeypatch.setattr(upload, "GUARD_S", 0.05)

    async def body():
        path = (await caller.create(len(DATA))).headers["location"]
        messages = [{"type": "http.request", "body": DATA[:1000], "more_body": True}]

        def stalls() -> Any:
            return messages.pop() if messages else asyncio.Event().wait()

        headers = {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
        assert (await caller.feed("PATCH", path, stalls, headers)).status == 408
        assert (await caller.send("HEAD", path)).offset == 1000

    asyncio.run(body())


def test_bytes_that_did_not_arrive_as_sent_are_taken_back(caller):
    right = base64.b64encode(hashlib.sha256(DATA[:1000]).digest()).decode()

    async def body():
        path = (await caller.create(len(DATA))).headers["location"]
        wrong = await caller.patch(path, 0, DATA[1:1001], upload_checksum=f"sha256 {right}")
        assert wrong.status == 460
        cut = await caller.patch(path, 0, DATA[:1000], upload_checksum=f"sha256 {right}", cut=True)
        assert cut.status == 460
        assert (await caller.send("HEAD", path)).offset == 0
        good = await caller.patch(path, 0, DATA[:1000], upload_checksum=f"sha256 {right}")
        assert (good.status, good.offset) == (204, 1000)
        bad = await caller.patch(path, 1000, b"x", upload_checksum="crc32 AAAA")
        assert bad.status == 400

    asyncio.run(body())


def test_what_is_not_the_protocol_is_refused_by_its_rules(caller):
    async def body():
        path = (await caller.create(100)).headers["location"]
        assert (await caller.patch(path, 7, b"x")).status == 409
        assert (await caller.patch(path, 0, b"x", content_type="text/plain")).status == 415
        assert (await caller.patch(path, 0, b"x", upload_offset="-1")).status == 400
        assert (await caller.patch(path, 0, b"x" * 101)).status == 413
        old = await caller.send("HEAD", path, tus_resumable="0.2.0")
        assert (old.status, old.headers["tus-version"]) == (412, "1.0.0")
        assert (await caller.send("GET", path)).status == 405
        assert (await caller.send("POST", ROOT, upload_length="5")).status == 422
        assert (await caller.send("POST", ROOT, upload_metadata="filename !")).status == 400
        post = {"x_http_method_override": "PATCH", "upload_offset": "0"}
        kind = {"content_type": "application/offset+octet-stream"}
        assert (await caller.send("POST", path, b"abc", **post, **kind)).offset == 3
        options = await Caller(origin="").send("OPTIONS", ROOT, tus_resumable="")
        assert options.status == 204
        assert "creation,termination,checksum,expiration" in options.headers["tus-extension"]
        assert int(options.headers["tus-max-size"]) > 1 << 30

    asyncio.run(body())


@pytest.mark.parametrize(
    ("size", "filename", "code"),
    [
        (0, "disk.raw", "image-empty"),
        (10, "letter.doc", "image-name"),
        (10, "", "name-too-long"),
        (10, "a\nb.raw", "name-control"),
    ],
)
def test_what_cannot_become_an_image_is_refused_before_it_is_sent(caller, size, filename, code):
    refused = asyncio.run(caller.create(size, filename))
    assert refused.status == 422
    assert not Upload.objects.exists()
    assert code in str(refused.body) or b"fields" in refused.body


def test_a_refusal_is_in_the_language_of_who_sends(caller, admin):
    asked = asyncio.run(Caller().send("HEAD", f"{ROOT}{uuid.uuid4()}", accept_language="de"))
    assert (asked.status, asked.headers["content-language"]) == (401, "de")
    account.choose_language(actor=Person(admin), language="de")
    answer = asyncio.run(caller.create(0))
    assert "Die Datei ist leer." in json.loads(answer.body)["fields"].values()
    assert answer.headers["content-language"] == "de"


def test_whoever_begins_too_many_is_told_when_to_come_back(caller, monkeypatch):
    monkeypatch.setattr(limits, "UPLOADS", Limit("upload", 1, 10**9))
    assert asyncio.run(caller.create(10)).status == 201
    answer = asyncio.run(caller.create(10))
    assert (answer.status, int(answer.headers["retry-after"]) > 0) == (429, True)


def test_more_than_is_taken_or_fits_is_refused(caller, settings):
    assert asyncio.run(caller.create(1 << 50)).status == 413
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"upload_space_gib": 1})
    assert asyncio.run(caller.create(1 << 29)).status == 201
    full = asyncio.run(caller.create((1 << 29) + 1))
    assert full.status == 507
    assert b"uploads-full" in full.body


def test_a_file_that_is_not_what_its_name_says_ends_with_its_first_bytes(caller):
    async def body():
        path = (await caller.create(50 << 20, "cd.iso")).headers["location"]
        sent: list[int] = []

        def endless() -> Any:
            sent.append(1)
            return {"type": "http.request", "body": DATA[: 1 << 20], "more_body": True}

        headers = {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
        refused = await caller.feed("PATCH", path, endless, headers)
        assert len(sent) < 6
        return path, refused, await caller.send("HEAD", path)

    path, refused, gone = asyncio.run(body())
    assert refused.status == 415
    assert b"image-not-as-named" in refused.body
    assert gone.status == 404
    assert not incoming.path_of(path.rpartition("/")[2]).exists()
    assert AuditEntry.objects.filter(action="image.upload", phase="refused").exists()


def test_an_upload_given_up_is_gone_with_its_bytes(caller):
    async def body():
        path = (await caller.create(100)).headers["location"]
        await caller.patch(path, 0, b"x" * 50)
        assert (await caller.send("DELETE", path)).status == 204
        assert (await caller.send("HEAD", path)).status == 404
        return path

    path = asyncio.run(body())
    assert not incoming.path_of(path.rpartition("/")[2]).exists()


def test_uploads_that_nobody_went_on_with_expire(caller, settings):
    path = asyncio.run(caller.create(100)).headers["location"]
    uploads.expire()
    assert Upload.objects.exists()
    Upload.objects.update(expires_at="2020-01-01T00:00:00Z")
    uploads.expire()
    assert not Upload.objects.exists()
    assert not incoming.path_of(path.rpartition("/")[2]).exists()


def test_files_that_belong_to_nothing_are_swept_and_others_are_not(caller):
    path = asyncio.run(caller.create(100)).headers["location"]
    orphan, young = incoming.path_of(uuid.uuid4(), "qcow2"), incoming.path_of(uuid.uuid4())
    foreign = incoming.folder() / "notes.txt"
    for file in (orphan, young, foreign):
        file.write_bytes(b"x")
    for file in (orphan, foreign, incoming.path_of(path.rpartition("/")[2])):
        os.utime(file, (1, 1))
    assert incoming.sweep() == 1
    assert not orphan.exists()
    assert young.exists()
    assert foreign.exists()
    assert incoming.path_of(path.rpartition("/")[2]).exists()


def test_no_name_of_a_file_leaves_the_folder():
    for name in ("../x", "a/../../b", "x", str(uuid.uuid4()) + "/../y", ""):
        with pytest.raises(ValueError):
            incoming.path_of(name)
        incoming.remove(name)


def test_a_token_needs_no_origin_and_a_session_does(admin, test_host):
    _row, secret = tokens.create(actor=SystemActor(), user=admin, name="t")
    assert asyncio.run(Caller(token=secret, origin="").create(10)).status == 201
    assert asyncio.run(Caller(token="wrong", origin="").create(10)).status == 401
    for origin in ("", "http://evil.example", "null", "http://localhost:8001"):
        assert asyncio.run(Caller(admin, origin=origin).create(10)).status == 403
    assert asyncio.run(Caller(None).create(10)).status == 401
    assert Upload.objects.count() == 1


def test_mallory_sends_nothing_and_learns_nothing(caller, mallory, alice, test_host):
    async def body():
        path = (await caller.create(100)).headers["location"]
        other = Caller(mallory)
        assert (await other.create(100)).status == 403
        unknown = f"{ROOT}{uuid.uuid4()}"
        for method in ("HEAD", "DELETE"):
            foreign = await other.send(method, path)
            missing = await other.send(method, unknown)
            assert (foreign.status, foreign.body) == (missing.status, missing.body)
            assert foreign.status == 404
        assert (await other.patch(path, 0, b"x")).status == 404
        assert (await other.send("HEAD", f"{ROOT}../../etc/passwd")).status == 404
        assert (await caller.send("HEAD", path)).offset == 0

    asyncio.run(body())


def test_who_loses_his_session_stops_in_the_middle(caller, admin, monkeypatch):
    monkeypatch.setattr(upload, "GUARD_S", 0.05)

    async def body():
        path = (await caller.create(len(DATA))).headers["location"]

        async def slowly() -> dict[str, Any]:
            await asyncio.sleep(0.02)
            type(admin).objects.filter(pk=admin.pk).update(is_active=False)
            return {"type": "http.request", "body": b"x", "more_body": True}

        headers = {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
        return await caller.feed("PATCH", path, slowly, headers)

    assert asyncio.run(body()).status == 401


def test_a_full_disk_is_told_and_what_came_is_kept(caller, monkeypatch):
    real = os.pwritev

    def full(fd: int, parts: Any, at: int) -> int:
        if at >= 1 << 20:
            raise OSError(28, "No space left on device")
        return real(fd, parts, at)

    monkeypatch.setattr(receiving.os, "pwritev", full)

    async def body():
        path = (await caller.create(len(DATA))).headers["location"]
        answer = await caller.patch(path, 0, DATA)
        assert answer.status == 507
        return (await caller.send("HEAD", path)).offset

    assert 1 << 20 <= asyncio.run(body()) < len(DATA)


def test_an_upload_into_a_pool_that_is_not_there_is_refused(caller):
    refused = asyncio.run(caller.create(10, pool=str(uuid.uuid4())))
    assert refused.status == 422
    Pool.objects.update(state="inactive")
    assert asyncio.run(caller.create(10)).status == 422
