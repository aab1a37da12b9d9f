"""Templates, hosts, pools, images and jobs through the API."""

from __future__ import annotations

from tests.api.conftest import POOL, problem_of
from vms.models import Job, Network, Template, TemplateGrant
from vms.services import survey


def test_a_template_is_made_changed_and_deleted(api_of, admin, image):
    client = api_of(admin)
    body = {"image_id": str(image.pk), "name": "Tiny", "memory_mib": 64, "has_cloud_init": False}
    made = client.post("templates", body)
    assert made.status_code == 201, made.content
    shown = made.json()
    assert (shown["name"], shown["is_valid"], shown["reason"]) == ("Tiny", True, "")
    assert shown["image"] == {"id": str(image.pk), "pool": POOL, "name": image.name}
    changed = client.patch(f"templates/{shown['id']}", {"vcpus": 2}).json()
    assert (changed["vcpus"], changed["memory_mib"], changed["name"]) == (2, 64, "Tiny")
    assert client.delete(f"templates/{shown['id']}").status_code == 204
    assert not Template.objects.exists()


def test_a_template_name_that_is_taken_is_refused_at_its_field(api_of, admin, template):
    body = {"image_id": str(template.image_id), "name": template.name, "memory_mib": 64}
    assert list(problem_of(api_of(admin).post("templates", body))["fields"]) == ["name"]


def test_a_template_whose_image_is_gone_says_so_and_the_others_are_well(
    api_of, alice, template, image
):
    broken = Template.objects.create(
        name="Broken", host=template.host, pool_name=POOL, volume_name="gone.img"
    )
    TemplateGrant.objects.create(template=broken, is_for_all=True)
    client = api_of(alice)
    shown = {one["name"]: one for one in client.get("templates").json()["items"]}
    assert shown["Plain"]["is_valid"]
    assert not shown["Broken"]["is_valid"]
    assert "gone.img" in shown["Broken"]["reason"]
    response = client.post("vms", {"template_id": str(broken.pk)})
    assert list(problem_of(response)["fields"]) == ["template_id"]


def test_a_host_shows_what_it_is_with_pools_and_networks(api_of, admin, test_host):
    survey.everything(test_host)
    client = api_of(admin)
    assert client.get("hosts").json()["items"][0]["uri"] == "test:///default"
    shown = client.get(f"hosts/{test_host.pk}").json()
    assert (shown["status"], shown["accelerator"]) == ("connected", "test")
    assert shown["accelerator_reason"]
    assert [pool["name"] for pool in shown["pools"]] == [POOL]
    assert [network["name"] for network in shown["networks"]] == ["default"]
    assert Network.objects.count() == 1


def test_a_host_that_is_away_says_why(api_of, admin, test_host):
    test_host.status, test_host.status_code = "away", "host-away"
    test_host.facts = {}
    test_host.save()
    shown = api_of(admin).get(f"hosts/{test_host.pk}").json()
    assert shown["status"] == "away"
    assert shown["status_reason"]
    assert shown["accelerator"] is None


def test_pools_and_images_are_as_last_seen(api_of, admin, image, iso):
    client = api_of(admin)
    pool = client.get("pools").json()["items"][0]
    assert (pool["name"], pool["is_active"]) == (POOL, True)
    assert client.get(f"pools/{pool['id']}").json() == pool
    kinds = {one["name"]: one["kind"] for one in client.get("images").json()["items"]}
    assert kinds == {image.name: "disk", iso.name: "iso"}
    for kind, name in (("iso", iso.name), ("disk", image.name)):
        found = client.get(f"images?kind={kind}").json()["items"]
        assert [one["name"] for one in found] == [name]
    assert client.get(f"images/{image.pk}").json()["capacity_bytes"] == 1 << 30


def test_a_job_tells_why_it_failed(api_of, alice, job):
    client = api_of(alice)
    shown = client.get(f"jobs/{job.pk}").json()
    assert (shown["state"], shown["error_code"]) == ("failed", "no-space")
    assert POOL in shown["error"]
    assert client.get(f"jobs?state=failed&vm={job.vm_uuid}").json()["total"] == 1
    assert client.get("jobs?state=running").json()["total"] == 0


def test_a_job_that_waits_can_be_cancelled_and_one_that_ended_cannot(api_of, alice, guest):
    waiting = Job.objects.create(
        kind="delete-vm", actor=alice, vm=guest, vm_uuid=guest.pk, target_name=guest.name
    )
    client = api_of(alice)
    response = client.post(f"jobs/{waiting.pk}/cancel")
    assert (response.status_code, response.json()["state"]) == (202, "cancelled")
    again = client.post(f"jobs/{waiting.pk}/cancel")
    assert (again.status_code, problem_of(again)["code"]) == (409, "job-ended")
