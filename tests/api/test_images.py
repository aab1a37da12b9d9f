"""Images in the API: what is told of one, the catalogue, fetching and deleting."""

from __future__ import annotations

import pytest

from tests.api.conftest import problem_of
from vms.models import ImageOrigin, Job, Volume


@pytest.fixture(autouse=True)
def _jobs_wait(settings, tmp_path):
    from vms.queue import huey

    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path, "pool": "default-pool"})
    huey.immediate = False


def test_an_image_tells_where_it_came_from_who_uses_it_and_what_to_make_of_it(
    api_of, admin, image, template
):
    ImageOrigin.objects.create(
        host=image.pool.host,
        pool_name=image.pool.name,
        volume_name=image.name,
        source="upload",
        origin="debian.img",
        checksum="sha256:" + "a" * 64,
        os_id="debian12",
    )
    got = api_of(admin).get(f"images/{image.pk}").json()
    assert (got["source"], got["os_name"], got["is_verified"]) == ("upload", "Debian 12", False)
    assert got["uses"] == [{"kind": "template", "id": str(template.pk), "name": template.name}]
    assert (got["can_delete"], got["proposal"]["disk_bus"]) == (False, "virtio")
    assert template.name in got["reason"]


def test_an_image_put_there_by_other_hands_is_shown_all_the_same(api_of, admin, image):
    got = api_of(admin).get(f"images/{image.pk}").json()
    assert (got["source"], got["checksum"], got["can_delete"]) == ("", "", True)


def test_a_used_image_is_not_deleted_and_a_free_one_is(api_of, admin, image, template):
    client = api_of(admin)
    refused = client.delete(f"images/{image.pk}")
    assert (refused.status_code, problem_of(refused)["code"]) == (409, "image-used")
    template.delete()
    assert client.delete(f"images/{image.pk}").status_code == 204
    assert not Volume.objects.filter(pk=image.pk).exists()


def test_the_catalogue_is_listed_and_an_image_of_it_fetched(api_of, admin, image):
    client = api_of(admin)
    entries = {each["id"]: each for each in client.get("images/catalogue/entries").json()}
    assert entries["debian-13-x86_64"]["user"] == "debian"
    answer = client.post("images/catalogue/fetch", {"entry_id": "debian-13-x86_64"})
    assert answer.status_code == 202
    assert (answer.json()["kind"], answer.json()["kind_label"]) == ("fetch-image", "Fetch image")
    again = client.post("images/catalogue/fetch", {"entry_id": "debian-13-x86_64"})
    assert problem_of(again)["code"] == "download-under-way"
    unknown = client.post("images/catalogue/fetch", {"entry_id": "none"})
    assert list(problem_of(unknown)["fields"]) == ["entry_id"]


def test_an_address_is_fetched_or_refused_beside_its_field(api_of, admin, image):
    client = api_of(admin)
    good = {"url": "https://example.org/get?id=7", "filename": "seven.iso", "checksum": "a" * 64}
    assert client.post("images/fetch", good).status_code == 202
    for field, value in (("url", "file:///etc/shadow"), ("checksum", "x"), ("filename", "x.doc")):
        refused = client.post("images/fetch", good | {field: value})
        assert (refused.status_code, list(problem_of(refused)["fields"])) == (422, [field])
    assert Job.objects.count() == 1


def test_mallory_learns_of_no_image_and_fetches_none(api_of, mallory, image, iso):
    client = api_of(mallory)
    assert client.get(f"images/{image.pk}").status_code == 404
    assert client.get(f"images/{iso.pk}").json()["can_delete"] in {True, False}
    assert client.delete(f"images/{iso.pk}").status_code == 403
    assert client.get("images/catalogue/entries").status_code == 403
    body = {"url": "https://example.org/x.iso"}
    assert client.post("images/fetch", body).status_code == 403
    assert not Job.objects.exists()
