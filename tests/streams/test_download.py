"""Downloads: ranges, and nobody who should not. Bytes flow in tests/real/test_images_site.py."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from tests.streams.test_upload import Caller
from vms.models import AuditEntry
from vms.streams import ranges

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("bytes=0-", (0, 99)),
        ("bytes=0-0", (0, 0)),
        ("bytes=10-19", (10, 19)),
        ("bytes=10-9999", (10, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-1000", (0, 99)),
        ("Bytes=99-", (99, 99)),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_a_range_is_read_as_the_standard_says(header, expected):
    assert ranges.parse(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_served(header):
    with pytest.raises(ranges.Unsatisfiable):
        ranges.parse(header, 100)


def path_of(volume: Any) -> str:
    return f"/api/v1/volumes/{volume.pk}/content"


def test_mallory_gets_the_same_404_for_what_is_there_and_what_is_not(mallory, admin, image):
    async def body():
        caller = Caller(mallory)
        foreign = await caller.send("GET", path_of(image))
        missing = await caller.send("GET", f"/api/v1/volumes/{uuid.uuid4()}/content")
        odd = await caller.send("GET", "/api/v1/volumes/../../etc/passwd/content")
        assert foreign.status == missing.status == odd.status == 404
        assert foreign.body == missing.body == odd.body
        assert (await Caller(None).send("GET", path_of(image))).status == 401
        assert (await Caller(admin).send("POST", path_of(image))).status == 405

    asyncio.run(body())
    assert not AuditEntry.objects.filter(action="volume.download").exists()
