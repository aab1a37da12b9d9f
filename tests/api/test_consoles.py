"""Links to consoles and who is at them, through the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.api.conftest import problem_of
from vms.models import ConsoleLink


def wish(**more):
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return {"name": "Support", "expires_at": later, "kind": "serial", **more}


def test_a_link_is_made_listed_and_revoked(api_of, alice, guest):
    type(guest).objects.update(xml="<domain><devices><serial type='pty'/></devices></domain>")
    client = api_of(alice)
    made = client.post(f"vms/{guest.pk}/console-links", wish(passphrase="open sesame", uses=3))
    assert made.status_code == 201
    secret = made.json()["url"].partition("/visit/#")[2]
    assert len(secret) > 40
    (listed,) = client.get(f"vms/{guest.pk}/console-links").json()
    assert (listed["name"], listed["mode"], listed["uses_left"]) == ("Support", "view", 3)
    assert listed["has_passphrase"]
    assert "url" not in listed
    assert secret not in str(listed)
    assert client.delete(f"vms/{guest.pk}/console-links/{listed['id']}").status_code == 204
    assert not client.get(f"vms/{guest.pk}/console-links").json()[0]["is_alive"]


def test_what_is_wrong_with_a_link_is_said_at_its_field(api_of, alice, guest):
    answer = api_of(alice).post(f"vms/{guest.pk}/console-links", wish(uses=0, device=3))
    assert set(problem_of(answer)["fields"]) == {"uses", "kind"}
    naive = api_of(alice).post(
        f"vms/{guest.pk}/console-links", wish(expires_at="2040-01-01T00:00:00")
    )
    assert "expires_at" in problem_of(naive)["fields"]


def test_mallory_neither_makes_nor_revokes_a_link(api_of, alice, mallory, guest):
    type(guest).objects.update(xml="<domain><devices><serial type='pty'/></devices></domain>")
    api_of(alice).post(f"vms/{guest.pk}/console-links", wish())
    link = ConsoleLink.objects.get()
    client = api_of(mallory)
    assert client.post(f"vms/{guest.pk}/console-links", wish()).status_code == 404
    assert client.delete(f"vms/{guest.pk}/console-links/{link.pk}").status_code == 404
    link.refresh_from_db()
    assert link.is_alive


def test_nobody_is_at_the_consoles_of_a_guest_that_nobody_opened(api_of, alice, guest):
    assert api_of(alice).get(f"vms/{guest.pk}/consoles").json() == []
