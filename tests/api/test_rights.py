"""Nobody learns of, or touches, what is not his: every route of the OpenAPI document is walked."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.http import HttpResponse

from tests.api.conftest import problem_of
from vms.api import api
from vms.models import VM, ApiToken, Group, Membership, Share, SshKey, Volume

SOME_ID = str(uuid.uuid4())
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("patch", "/api/v1/vms/{vm_id}"): {"description": "mine now"},
    ("put", "/api/v1/vms/{vm_id}/owner"): {"owner_id": None},
    ("put", "/api/v1/vms/{vm_id}/media"): {"image_id": SOME_ID},
    ("put", "/api/v1/vms/{vm_id}/cloud-init"): {"hostname": "mine"},
    ("put", "/api/v1/vms/{vm_id}/recording-policy"): {"policy": "off"},
    ("put", "/api/v1/hosts/{host_id}/consoles"): {"console_gateway_url": "https://evil.example"},
    ("post", "/api/v1/vms/{vm_id}/template"): {"name": "mine"},
    ("patch", "/api/v1/templates/{template_id}"): {"name": "mine"},
    ("put", "/api/v1/pools/{pool_id}/autostart"): {"has_autostart": True},
    ("post", "/api/v1/pools/{pool_id}/volumes"): {"name": "mine", "capacity_bytes": 1 << 30},
    ("post", "/api/v1/volumes/{volume_id}/clone"): {"name": "mine"},
    ("post", "/api/v1/volumes/{volume_id}/resize"): {"capacity_bytes": 1 << 31},
    ("post", "/api/v1/volumes/{volume_id}/move"): {"pool_id": SOME_ID},
    ("put", "/api/v1/vms/{vm_id}/disk-sizes/{target}"): {"capacity_bytes": 1 << 31},
    ("post", "/api/v1/vms/{vm_id}/console-links"): {
        "name": "mine",
        "expires_at": "2040-01-01T00:00:00Z",
    },
    ("post", "/api/v1/vms/{vm_id}/shares"): {"username": "mallory", "role": "owner"},
    ("patch", "/api/v1/vms/{vm_id}/shares/{share_id}"): {"role": "owner"},
    ("patch", "/api/v1/groups/{group_id}"): {"name": "mine"},
    ("post", "/api/v1/groups/{group_id}/members"): {"username": "mallory"},
    ("patch", "/api/v1/groups/{group_id}/members/{user_id}"): {"is_manager": True},
    ("put", "/api/v1/leases/site"): {"max_days": 1},
    ("put", "/api/v1/leases/groups/{group_id}"): {"max_days": 1},
    ("put", "/api/v1/vms/{vm_id}/lease"): {"until": None},
    ("put", "/api/v1/templates/{template_id}/access"): {"is_for_all": True},
    ("put", "/api/v1/quotas/site"): {"guests": 1},
    ("put", "/api/v1/quotas/users/{user_id}"): {"guests": 1},
    ("put", "/api/v1/quotas/groups/{group_id}"): {"guests": 1},
    ("patch", "/api/v1/people/{user_id}"): {"role": "user"},
    ("post", "/api/v1/people/{user_id}/deactivate"): {"heir_id": None},
    ("post", "/api/v1/people"): {"username": "mine"},
    ("post", "/api/v1/people/list"): {"text": "username\nmine"},
    ("post", "/api/v1/people/list/check"): {"text": "username\nmine"},
    ("put", "/api/v1/people/rules/second-factor"): {"roles": []},
    ("post", "/api/v1/invitations"): {"role": "administrator"},
}
FOR_ALL = {
    ("get", "/api/v1/me"),
    ("get", "/api/v1/me/notices"),
    ("post", "/api/v1/me/notices/read"),
    ("get", "/api/v1/me/quota"),
    ("patch", "/api/v1/me"),
    ("get", "/api/v1/me/mails"),
    ("put", "/api/v1/me/mails"),
    ("get", "/api/v1/me/ssh-keys"),
    ("post", "/api/v1/me/ssh-keys"),
    ("get", "/api/v1/me/tokens"),
    ("get", "/api/v1/me/sessions"),
    ("delete", "/api/v1/me/sessions"),
    ("get", "/api/v1/me/second-factors"),
    ("get", "/api/v1/people"),
    ("get", "/api/v1/vms"),
    ("post", "/api/v1/vms"),
    ("post", "/api/v1/vms/actions/{verb}"),
    ("get", "/api/v1/templates"),
    ("get", "/api/v1/hosts"),
    ("get", "/api/v1/pools"),
    ("get", "/api/v1/images"),
    ("get", "/api/v1/jobs"),
    ("get", "/api/v1/recordings"),
    ("get", "/api/v1/groups"),
}
"""Routes without an id: what they show is scoped, and tested below."""
FORBIDDEN = {
    ("post", "/api/v1/people/{user_id}/admit"): 403,
    ("post", "/api/v1/people/{user_id}/turn-away"): 403,
    ("post", "/api/v1/people"): 403,
    ("post", "/api/v1/people/list"): 403,
    ("post", "/api/v1/people/list/check"): 403,
    ("get", "/api/v1/people/rules/second-factor"): 403,
    ("put", "/api/v1/people/rules/second-factor"): 403,
    ("get", "/api/v1/invitations"): 403,
    ("post", "/api/v1/invitations"): 403,
    ("delete", "/api/v1/invitations/{invitation_id}"): 403,
    ("post", "/api/v1/templates"): 403,
    ("get", "/api/v1/audit"): 403,
    ("post", "/api/v1/pools"): 403,
    ("post", "/api/v1/pools/xml"): 403,
    ("get", "/api/v1/images/catalogue/entries"): 403,
    ("post", "/api/v1/images/catalogue/fetch"): 403,
    ("post", "/api/v1/images/fetch"): 403,
    ("post", "/api/v1/groups"): 403,
    ("get", "/api/v1/leases/site"): 403,
    ("put", "/api/v1/leases/site"): 403,
    ("put", "/api/v1/leases/groups/{group_id}"): 403,
    ("get", "/api/v1/quotas/site"): 403,
    ("put", "/api/v1/quotas/site"): 403,
    ("get", "/api/v1/quotas/users/{user_id}"): 403,
    ("put", "/api/v1/quotas/users/{user_id}"): 403,
    ("patch", "/api/v1/templates/{template_id}"): 403,
    ("delete", "/api/v1/templates/{template_id}"): 403,
    ("get", "/api/v1/templates/{template_id}/versions"): 403,
    ("get", "/api/v1/templates/{template_id}/access"): 403,
    ("put", "/api/v1/templates/{template_id}/access"): 403,
}
"""What a user may see but not do."""
PUBLIC = {
    ("get", "/api/v1/templates/{template_id}"),
    ("get", "/api/v1/templates/{template_id}/limits"),
}


def operations() -> list[tuple[str, str]]:
    """Every method and path of the OpenAPI document."""
    paths = api.get_openapi_schema()["paths"]
    return [(method, path) for path, methods in paths.items() for method in methods]


@pytest.fixture
def ids(guest: VM, template, iso, image, job, recording, test_host, alice) -> dict[str, str]:
    """What belongs to alice or to administrators, by the name of the path parameter."""
    group = Group.objects.create(name="Team")
    Membership.objects.create(group=group, user=alice, is_manager=True)
    return {
        "share_id": str(Share.objects.create(vm=guest, group=group, role="viewer").pk),
        "group_id": str(group.pk),
        "user_id": str(alice.pk),
        "vm_id": str(guest.pk),
        "template_id": str(template.pk),
        "host_id": str(test_host.pk),
        "pool_id": str(image.pool.pk),
        "volume_id": str(image.pk),
        "image_id": str(image.pk),
        "job_id": str(job.pk),
        "recording_id": str(recording.pk),
        "link_id": SOME_ID,
        "key_id": str(SshKey.objects.create(user=alice, fingerprint="x", line="x").pk),
        "token_id": str(ApiToken.objects.create(user=alice, name="x", secret_hash="x").pk),
        "mark": "0" * 32,
        "invitation_id": SOME_ID,
    }


def filled(path: str, ids: dict[str, str]) -> str:
    for name, value in {**ids, "verb": "start", "target": "vda"}.items():
        path = path.replace("{" + name + "}", value)
    assert "{" not in path, f"the tests know no value for {path}"
    return path


def shape(response: HttpResponse) -> tuple[int, bytes, str]:
    """All that a stranger could compare."""
    return response.status_code, response.content, response["Content-Type"]


def test_mallory_gets_the_same_404_for_what_is_not_his_and_for_what_is_not(api_of, mallory, ids):
    client = api_of(mallory)
    missing = {name: str(uuid.uuid4()) for name in ids}
    for method, path in operations():
        if (method, path) in FOR_ALL | PUBLIC | FORBIDDEN.keys():
            continue
        body = BODIES.get((method, path))
        foreign = client.request(method.upper(), filled(path, ids), body)
        unknown = client.request(method.upper(), filled(path, missing), body)
        assert foreign.status_code == 404, f"{method} {path} gave {foreign.status_code}"
        assert shape(foreign) == shape(unknown), f"{method} {path} tells them apart"
        problem_of(foreign)


def test_anonymous_gets_401_everywhere(client, ids):
    for method, path in operations():
        response = client.generic(method.upper(), filled(path, ids))
        assert response.status_code == 401, f"{method} {path}"
        assert response["WWW-Authenticate"].startswith("Bearer")
        problem_of(response)


def test_a_user_may_see_templates_and_not_change_them(api_of, mallory, ids, image):
    client = api_of(mallory)
    assert client.get(f"templates/{ids['template_id']}").status_code == 200
    bodies = {
        **BODIES,
        ("post", "/api/v1/templates"): {"image_id": ids["image_id"], "name": "x"},
        ("post", "/api/v1/pools"): {"host_id": SOME_ID, "name": "x", "kind": "dir", "path": "/x"},
        ("post", "/api/v1/pools/xml"): {"host_id": SOME_ID, "xml": "<pool/>"},
        ("post", "/api/v1/images/catalogue/fetch"): {"entry_id": "debian-13-x86_64"},
        ("post", "/api/v1/images/fetch"): {"url": "https://example.org/x.iso"},
        ("post", "/api/v1/groups"): {"name": "x"},
    }
    for (method, path), status in FORBIDDEN.items():
        response = client.request(method.upper(), filled(path, ids), bodies.get((method, path)))
        assert response.status_code == status, f"{method} {path}"
        assert problem_of(response)["code"] == "forbidden"


def test_lists_of_a_stranger_are_empty(api_of, mallory, ids, iso):
    client = api_of(mallory)
    for name in ("vms", "hosts", "pools", "jobs", "recordings", "groups"):
        assert client.get(name).json()["total"] == 0, name
    assert [image["name"] for image in client.get("images").json()["items"]] == [iso.name]


def test_the_cloud_init_seed_of_a_guest_is_no_image_for_anybody(
    api_of, admin, mallory, define_guest, image
):
    guest = define_guest(mallory)
    seed = Volume.objects.create(
        pool=image.pool, name=f"{uuid.uuid4()}-seed.iso", path="/seed", format="iso"
    )
    for user in (admin, mallory):
        names = [one["name"] for one in api_of(user).get("images").json()["items"]]
        assert seed.name not in names
    client = api_of(mallory)
    assert client.get(f"images/{seed.pk}").status_code == 404
    refused = client.put(f"vms/{guest.pk}/media", {"image_id": str(seed.pk)})
    assert list(problem_of(refused)["fields"]) == ["image_id"]


def test_the_name_of_a_foreign_guest_is_in_no_list(api_of, mallory, guest, ids):
    client = api_of(mallory)
    for name in ("vms", "jobs", f"vms?q={guest.name}", f"vms?owner={guest.owner_id}"):
        assert guest.name.encode() not in client.get(name).content


def test_an_owner_may_not_give_his_guest_away(api_of, alice, bob, guest):
    response = api_of(alice).put(f"vms/{guest.pk}/owner", {"owner_id": str(bob.pk)})
    assert response.status_code == 403
    guest.refresh_from_db()
    assert guest.owner == alice


def test_the_administrator_sees_every_guest(api_of, admin, guest):
    assert api_of(admin).get(f"vms/{guest.pk}").json()["owner"]["name"] == "alice"


def test_a_user_who_was_deactivated_is_anonymous_at_once(api_of, alice, guest):
    client = api_of(alice)
    assert client.get("vms").status_code == 200
    alice.is_active = False
    alice.save()
    assert client.get("vms").status_code == 401
