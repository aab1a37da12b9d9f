"""Attacks on the site as a whole, each test named after one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from tests.conftest import make_user
from tests.web.conftest import texts
from vms.models import VM, Group, Host, Membership
from vms.policy import Person
from vms.services import consoles, groups, tokens

ROOT = Path(__file__).resolve().parents[2]
EVIL = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "http://testserver.evil.example/",
    "http://testserver@evil.example/",
    "\thttps://evil.example",
]
NAMES = [
    "'; DROP TABLE vms_vm; --",
    '" OR 1=1 --',
    "%' OR '1'='1",
    "{{ 7|add:42 }}",
    "{% debug %}",
    "${7*7}",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "%(name)s %s %d",
]


@pytest.fixture
def guest(alice, db) -> VM:
    """A guest of alice, as a row."""
    import uuid

    host = Host.objects.create(name="h", uri="test:///default", facts={"can_graphics_fd": True})
    pk = uuid.uuid4()
    return VM.objects.create(
        pk=pk, host=host, domain_uuid=pk, name="web", owner=alice, state="running", has_vnc=True
    )


def log_in(client: Client, **more: str):
    data = {"login": "alice", "password": "alice has a long one", **more}
    return client.post(reverse("account_login"), data)


def test_session_fixation_a_login_starts_a_session_of_a_new_name(client, alice):
    planted = client.session
    planted["bait"] = "x"
    planted.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key
    log_in(client)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert key != planted.session_key
    assert not Session.objects.filter(pk=planted.session_key).exists()
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key
    assert thief.get("/").status_code == 302


@pytest.mark.parametrize("target", EVIL)
def test_open_redirect_a_login_leads_to_no_other_site(client, alice, target):
    answer = log_in(client, next=target)
    assert answer.status_code == 302
    assert "evil" not in answer["Location"]
    assert not answer["Location"].startswith("javascript")


@pytest.mark.parametrize("target", EVIL)
def test_open_redirect_a_form_leads_to_no_other_site(client, alice, target):
    client.force_login(alice)
    answer = client.post(
        reverse("guest-view"),
        {"view": "list", "next": target},
        headers={"Referer": "https://evil.example/"},
    )
    assert "evil" not in answer["Location"]
    assert not answer["Location"].startswith("javascript")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "testserver:80@evil"])
def test_host_header_a_foreign_one_is_refused_and_nowhere_repeated(alice, host, settings):
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    for path in ("/", reverse("account_login"), "/api/v1/me", "/no/such/page"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 400
        assert "evil" not in answer.content.decode()
        assert not any("evil" in value for value in answer.headers.values())


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Original-Host", "Forwarded"])
def test_host_header_a_forwarded_one_is_not_believed(client, alice, header, guest):
    _token, secret = tokens.create(actor=Person(alice), user=alice, name="t")
    answer = client.post(
        f"/api/v1/vms/{guest.pk}/console",
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}", header: "evil.example"},
    )
    assert answer.status_code == 201
    assert json.loads(answer.content)["url"].startswith("ws://testserver/")


def test_secrets_in_logs_there_are_none(client, alice, guest, capfd, caplog):
    caplog.set_level("DEBUG")
    _token, secret = tokens.create(actor=Person(alice), user=alice, name="t")
    bearer = {"Authorization": f"Bearer {secret}"}
    log_in(client)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    ticket = consoles.issue_ticket(actor=Person(alice, session_key=session), vm_id=guest.pk).secret
    for path in ("/api/v1/vms", "/api/v1/nowhere", f"/api/v1/hosts/{guest.pk}"):
        client.get(path, headers=bearer)
    client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}x"})
    log_in(Client(), password="alice mistyped this")
    client.post(reverse("guest-ticket", args=[guest.pk]), {"kind": "none"})
    written = "".join(capfd.readouterr()) + caplog.text
    for word in (secret, session, ticket, "alice has a long one", "alice mistyped this"):
        assert word not in written


@pytest.mark.parametrize("name", NAMES)
def test_injection_a_name_is_a_name_wherever_it_is_shown(client, admin, guest, name):
    VM.objects.update(name=name, description=name, tags=[name[:30]])
    group = groups.create(actor=Person(admin), name=name.replace("/", ""), description=name)
    Membership.objects.create(group=group, user=admin)
    client.force_login(admin)
    paths = ["/", reverse("groups"), reverse("group", args=[group.pk]), reverse("activity")]
    paths += [reverse(f"guest{part}", args=[guest.pk]) for part in ("", "-menu", "-sharing")]
    for path in paths:
        page = client.get(path)
        text = page.content.decode()
        assert page.status_code == 200
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert ">49<" not in text
    assert VM.objects.get().name == name
    assert Group.objects.get().name in " ".join(texts(client.get(reverse("groups")), "td"))


@pytest.mark.parametrize("name", NAMES)
def test_injection_a_search_is_words_and_finds_nothing_of_others(client, mallory, guest, name):
    client.force_login(mallory)
    for path in (
        f"/?q={name}",
        f"/?sort={name}",
        f"/guests/rows/?id={name}",
        f"/api/v1/vms?owner={name}",
        f"/api/v1/vms?q={name}",
        f"/api/v1/vms?template={name}",
    ):
        answer = client.get(path)
        assert answer.status_code in {200, 422}, path
        assert str(guest.pk) not in answer.content.decode()
        assert "<script>alert" not in answer.content.decode()
    assert VM.objects.count() == 1


def test_injection_the_filters_of_the_trail_are_values(client, admin, guest):
    client.force_login(admin)
    for name in NAMES:
        for field in ("text", "person", "action", "result", "before"):
            assert client.get(reverse("activity"), {field: name}).status_code == 200


def test_a_name_with_control_characters_reaches_no_log_line(client, db, caplog):
    caplog.set_level("INFO")
    make_user("bob")
    data = {"login": "bob\n2026 [info] forged", "password": "x"}
    client.post(reverse("account_login"), data)
    assert not any(line.startswith("2026 [info] forged") for line in caplog.text.splitlines())


def test_a_deployment_behind_https_passes_djangos_own_check(tmp_path):
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("KVMWEB_", "DJANGO_ALLOW_ASYNC"))
        },
        "KVMWEB_HOME": str(tmp_path),
        "KVMWEB_PUBLIC_URLS": "https://vms.example",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no issues" in done.stdout + done.stderr
