"""The storage pages: what they show, what they ask, and for whom."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

import vms.worker.jobs  # noqa: F401 - registers the runner
from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import Job, Pool, Volume

GIB = 1 << 30


@pytest.fixture
def pool(image) -> Pool:
    return image.pool


def test_the_list_says_how_full_a_pool_is_and_what_is_promised(web, admin, pool, image):
    Pool.objects.update(
        capacity_bytes=100 * GIB, allocation_bytes=80 * GIB, available_bytes=20 * GIB
    )
    Volume.objects.filter(pk=image.pk).update(capacity_bytes=150 * GIB)
    page = web(admin).get(reverse("storage"))
    row = texts(page, "#pools tbody tr")[0]
    assert "80 GiB of 100 GiB · 80 %" in row
    assert "150 GiB 150 %" in row
    assert not tree(page).cssselect("#pools .notice")


def test_a_pool_over_85_percent_warns_with_a_way_out(web, admin, pool):
    Pool.objects.update(
        capacity_bytes=100 * GIB, allocation_bytes=85 * GIB, available_bytes=15 * GIB
    )
    page = web(admin).get(reverse("storage"))
    (notice,) = texts(page, "#pools .notice")
    assert "85 % full" in notice
    assert "15 GiB are left" in notice
    (link,) = tree(page).cssselect("#pools .notice a")
    assert web(admin).get(link.get("href")).status_code == 200


def test_a_pool_that_does_not_answer_says_so_and_shows_what_was_seen(web, admin, pool, image):
    Pool.objects.update(state="inaccessible")
    page = web(admin).get(reverse("pool", args=[pool.pk]))
    (notice,) = texts(page, "#pool-trouble .notice")
    assert "does not answer" in notice
    assert image.name in texts(page, "#volumes tbody")[0]
    (state,) = texts(page, "#pool-head .tag")
    assert state == "cannot be reached"
    assert not tree(page).cssselect("a.btn-primary")
    (notice,) = texts(web(admin).get(reverse("storage")), "#pools .notice")
    assert "does not answer" in notice
    wanted = {"name": "x", "format": "raw", "capacity_gib": "1"}
    refused = web(admin).post(reverse("volume-new", args=[pool.pk]), wanted)
    assert "does not answer" in refused.content.decode()


def test_storage_is_for_administrators(web, alice, mallory, pool, image):
    for user in (alice, mallory):
        client = web(user)
        assert client.get(reverse("storage")).status_code == 403
        assert client.get(reverse("storage-new", args=["dir"])).status_code == 403
        for name, pk in (("pool", pool.pk), ("pool-delete", pool.pk), ("volume", image.pk)):
            assert client.get(reverse(name, args=[pk])).status_code == 404
        for verb in ("start", "stop", "refresh"):
            url = reverse("pool-verb", args=[pool.pk, verb])
            assert client.post(url).status_code == 404
        for name in ("clone", "resize", "move", "wipe", "delete"):
            url = reverse(f"volume-{name}", args=[image.pk])
            assert client.post(url, {"name": "x", "capacity_gib": 9}).status_code == 404
    assert Volume.objects.filter(pk=image.pk).exists()


def test_an_auditor_looks_and_is_offered_nothing_to_change(web, mallory, pool, image):
    mallory.role = "auditor"
    mallory.save()
    client = web(mallory)
    for name, args in (("storage", []), ("pool", [pool.pk]), ("volume", [image.pk])):
        page = client.get(reverse(name, args=args))
        assert page.status_code == 200
        assert not tree(page).cssselect(
            "main form[method=post], main .btn-primary, main .menu-item"
        )
    assert client.post(reverse("pool-verb", args=[pool.pk, "stop"])).status_code == 403
    assert client.get(reverse("volume-wipe", args=[image.pk])).status_code == 403


def test_the_page_of_a_pool_says_who_needs_each_volume(web, admin, template, pool):
    page = web(admin).get(reverse("pool", args=[pool.pk]))
    assert f"the template “{template.name}” is made from it" in texts(page, "#volumes tbody tr")[0]


def test_volumes_are_found_and_sorted(web, admin, pool, image):
    for number in range(3):
        Volume.objects.create(
            pool=pool, name=f"v{number}", path=f"/p/v{number}", capacity_bytes=number
        )
    client, url = web(admin), reverse("pool", args=[pool.pk])
    largest = texts(client.get(f"{url}?sort=-capacity"), "#volumes tbody td:first-child")
    assert largest == [image.name, "v2", "v1", "v0"]
    assert texts(client.get(f"{url}?q=v1"), "#volumes tbody td:first-child") == ["v1"]
    assert "No volume has “nothing”" in texts(client.get(f"{url}?q=nothing"), "#volumes")[0]
    assert client.get(f"{url}?sort=pool__host__uri").status_code == 200


def test_a_thousand_volumes_cost_as_many_queries_as_one(web, admin, alice, pool, image, row_of):
    client, url = web(admin), reverse("pool", args=[pool.pk])
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    rows = [Volume(pool=pool, name=f"v{n:04}", path=f"/p/v{n}") for n in range(1000)]
    Volume.objects.bulk_create(rows)
    for number in range(20):
        row_of(alice, disk_paths=[f"/p/v{number}"])
    with CaptureQueriesContext(connection) as many:
        page = client.get(url)
    assert len(many) == len(one)
    assert len(tree(page).cssselect("#volumes tbody tr")) == 200
    assert "801 more are not shown" in texts(page, "#volumes")[0]


@pytest.mark.parametrize("kind", ["dir", "fs", "netfs", "logical", "xml"])
def test_each_kind_of_pool_asks_for_what_it_needs_beside_its_fields(web, admin, test_host, kind):
    needed = {
        "dir": "path",
        "fs": "device",
        "netfs": "server",
        "logical": "group",
        "xml": "xml",
    }[kind]
    url = reverse("storage-new", args=[kind])
    page = web(admin).post(url, {"host": test_host.pk, "name": "kept <b>"})
    assert page.status_code == 422
    assert error_beside(page, needed)
    if kind != "xml":
        assert value_of(page, "name") == "kept <b>"


def test_a_pool_is_made_stopped_started_and_forgotten(web, admin, test_host, image):
    client = web(admin)
    fields = {"host": test_host.pk, "name": "fast", "path": "/srv/fast"}
    answer = client.post(reverse("storage-new", args=["dir"]), fields)
    pool = Pool.objects.get(name="fast")
    assert answer["Location"] == reverse("pool", args=[pool.pk])
    for verb, state in (("stop", "inactive"), ("start", "active"), ("refresh", "active")):
        client.post(reverse("pool-verb", args=[pool.pk, verb]))
        pool.refresh_from_db()
        assert pool.state == state
    client.post(reverse("pool-autostart", args=[pool.pk]), {"on": "0"})
    pool.refresh_from_db()
    assert not pool.has_autostart
    client.post(reverse("pool-delete", args=[pool.pk]), {"data": "keep"})
    assert not Pool.objects.filter(name="fast").exists()


def test_deleting_a_pool_names_what_goes_with_it_and_keeps_the_data_unless_told(
    web, admin, pool, image
):
    page = web(admin).get(reverse("pool-delete", args=[pool.pk]))
    assert image.name in texts(page, ".volume-names")[0]
    (chosen,) = tree(page).cssselect("input[name=data][checked]")
    assert chosen.get("value") == "keep"


def test_a_volume_is_made_from_the_form(web, admin, pool, django_capture_on_commit_callbacks):
    url = reverse("volume-new", args=[pool.pk])
    wrong = web(admin).post(url, {"name": "a/b", "capacity_gib": "1", "format": "qcow2"})
    assert error_beside(wrong, "name")
    with django_capture_on_commit_callbacks(execute=True):
        fields = {"name": "d.qcow2", "capacity_gib": "1.5", "format": "qcow2"}
        assert web(admin).post(url, fields).status_code == 302
    assert Volume.objects.get(pool=pool, name="d.qcow2").capacity_bytes == 3 * GIB // 2


def test_what_is_needed_has_no_button_to_delete_it(web, admin, template, image):
    page = web(admin).get(reverse("volume-delete", args=[image.pk]))
    assert not tree(page).cssselect(".btn-danger")
    assert "cannot be deleted while it is needed" in texts(page, ".sheet-body")[0]
    answer = web(admin).post(reverse("volume-delete", args=[image.pk]))
    assert answer.status_code == 422
    assert "is still needed" in texts(answer, "[role=alert]")[0]


def test_shrinking_without_consent_is_told_beside_the_box(web, admin, image):
    page = web(admin).post(reverse("volume-resize", args=[image.pk]), {"capacity_gib": "0.5"})
    assert "cuts off" in error_beside(page, "is_shrink_confirmed")
    assert value_of(page, "capacity_gib") == "0.5"


def test_a_job_under_way_stands_on_the_page_with_bytes_and_cancel(web, admin, pool, image):
    job = Job.objects.create(
        kind="clone-volume",
        state="running",
        actor=admin,
        target_kind="volume",
        target_id=image.pk,
        target_name=f"{pool.name}/{image.name}",
        step="copy-volume",
        bytes_done=GIB,
        bytes_total=4 * GIB,
    )
    page = web(admin).get(reverse("pool", args=[pool.pk]))
    (notice,) = texts(page, "#pool-jobs .notice")
    assert "copying" in notice
    assert "1 GiB of 4 GiB" in notice
    assert tree(page).cssselect(f"#here-{job.pk} button")
    assert "1 GiB of 4 GiB" in texts(page, "#volumes tbody tr")[0]


def test_an_owner_sees_the_sizes_of_his_disks_and_who_may_grow_them(
    web, alice, mallory, make_guest
):
    guest = make_guest(alice)
    url = reverse("guest-disk-grow", args=[guest.pk, "vda"])
    page = web(alice).get(reverse("guest", args=[guest.pk]))
    assert "of 1 GiB" in texts(page, "#guest-disks tbody tr")[0]
    assert [link.get("href") for link in tree(page).cssselect("#guest-disks a")] == [url]
    assert web(mallory).post(url, {"capacity_gib": "9"}).status_code == 404
    small = web(alice).post(url, {"capacity_gib": "0.5"})
    assert "can only grow" in error_beside(small, "capacity_gib")
    assert web(alice).get(reverse("guest-disk-grow", args=[guest.pk, "sda"])).status_code == 404


def test_a_guest_paused_for_lack_of_space_says_so_with_the_way_out(web, alice, admin, row_of):
    guest = row_of(alice, state="paused", state_reason="no-space")
    other = row_of(alice, state="paused", state_reason="user")
    client = web(alice)
    rows = tree(client.get("/")).cssselect(".g-row[data-id]")
    labels = {row.get("data-id"): row.get("data-label") for row in rows}
    assert labels[str(guest.pk)] == "paused: no space left"
    assert labels[str(other.pk)] == "paused"
    page = client.get(reverse("guest", args=[guest.pk]))
    (notice,) = texts(page, "#guest-head [role=alert]")
    assert "then resume it" in notice
    assert not tree(client.get(reverse("guest", args=[other.pk]))).cssselect(
        "#guest-head [role=alert]"
    )


def test_the_api_makes_shows_and_deletes_as_the_pages_do(
    client, admin, pool, image, template, test_host, django_capture_on_commit_callbacks
):
    from vms.policy import SystemActor
    from vms.services import tokens

    _token, secret = tokens.create(actor=SystemActor(), user=admin, name="t")
    head = {"Authorization": f"Bearer {secret}"}

    def api(method: str, path: str, body: object = None):
        with django_capture_on_commit_callbacks(execute=True):
            return getattr(client, method)(
                f"/api/v1/{path}", body or {}, content_type="application/json", headers=head
            )

    shown = api("get", f"pools/{pool.pk}").json()
    assert (shown["promised_bytes"], shown["volume_count"]) == (GIB, 1)
    (volume,) = api("get", f"pools/{pool.pk}/volumes").json()["items"]
    assert [use["kind"] for use in volume["uses"]] == ["template"]
    refused = api("delete", f"volumes/{volume['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "volume-needed")
    made = api("post", f"pools/{pool.pk}/volumes", {"name": "d.raw", "capacity_bytes": GIB})
    assert made.status_code == 202
    new = Volume.objects.get(name="d.raw")
    copied = api("post", f"volumes/{new.pk}/clone", {"name": "e.raw", "format": "raw"})
    job = api("get", f"jobs/{copied.json()['id']}").json()
    assert (job["state"], job["kind"], job["target_kind"]) == (
        "succeeded",
        "clone-volume",
        "volume",
    )
    assert api("delete", f"volumes/{new.pk}").status_code == 204
    spec = {"host_id": str(test_host.pk), "name": "two", "kind": "dir", "path": "/srv/two"}
    second = api("post", "pools", spec).json()
    assert api("post", f"pools/{second['id']}/stop").json()["is_active"] is False
    assert api("delete", f"pools/{second['id']}").status_code == 204
    wrong = api("post", "pools", {**spec, "path": "../etc"})
    assert list(wrong.json()["fields"]) == ["path"]
