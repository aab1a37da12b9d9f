"""What holds for every page: no inline code, GET writes nothing, tabs by right, error pages."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse, set_script_prefix

from tests.web.conftest import texts, tree
from vms.models import Group, Membership
from vms.web import urls

EVENTS = ("onclick", "onload", "onsubmit", "onerror", "onchange", "oninput", "hx-on", "style")
POST_ONLY = {
    "guest-record": ["vm"],
    "guest-view": [],
    "guest-columns": [],
    "guest-order": [],
    "guest-bulk": [],
    "guest-power": ["vm", "start"],
    "guest-ticket": ["vm"],
    "guest-console-open-up": ["vm"],
    "guest-link-revoke": ["vm", "user"],
    "visit-enter": [],
    "visit-ticket": ["vm"],
    "guest-description": ["vm"],
    "guest-config": ["vm"],
    "guest-media": ["vm"],
    "guest-owner": ["vm"],
    "guest-lease": ["vm"],
    "guest-cloud-init-remove": ["vm"],
    "cloud-init-preview": [],
    "guest-share-person": ["vm"],
    "guest-share-group": ["vm"],
    "guest-share-role": ["vm", "user"],
    "guest-unshare": ["vm", "user"],
    "guest-job-cancel": ["vm"],
    "job-repeat": ["vm"],
    "job-dismiss": ["vm"],
    "jobs-dismiss": [],
    "pool-autostart": ["pool"],
    "pool-verb": ["pool", "start"],
    "upload-discard": ["user"],
    "person-role": ["user"],
    "person-reactivate": ["user"],
    "person-password": ["user"],
    "group-member-add": ["group"],
    "group-member-remove": ["group", "user"],
    "group-manager": ["group", "user"],
    "account-profile": [],
    "account-keys": [],
    "account-key-remove": ["user"],
    "account-tokens": [],
    "account-token-revoke": ["user"],
    "account-sessions-end": [],
    "account-session-end": ["0" * 32],
    "person-factors": ["user"],
    "account-mails": [],
    "openid_connect_login": ["sso"],
    "people-uninvite": ["user"],
    "person-admit": ["user"],
    "person-turn-away": ["user"],
    "notices-read": [],
    "notice-read": ["user"],
    "mfa_generate_recovery_codes": [],
}
READABLE = {
    "recordings": [],
    "guest-recordings": ["vm"],
    "guests": [],
    "guest-rows": [],
    "guest-index": [],
    "guest-choices": ["sort"],
    "guest-tags": ["vm"],
    "guest-new": [],
    "guest-new-from": ["template"],
    "guest": ["vm"],
    "guest-menu": ["vm"],
    "guest-charts": ["vm"],
    "guest-xml": ["vm"],
    "guest-history": ["vm"],
    "guest-console": ["vm"],
    "guest-links": ["vm"],
    "visit": [],
    "guest-console-media": ["vm"],
    "guest-settings": ["vm"],
    "guest-sharing": ["vm"],
    "guest-cloud-init": ["vm"],
    "guest-delete": ["vm"],
    "jobs": [],
    "notices": [],
    "templates": [],
    "template-new": [],
    "template-history": ["template"],
    "template-edit": ["template"],
    "template-delete": ["template"],
    "storage": [],
    "storage-new": ["netfs"],
    "pool": ["pool"],
    "pool-delete": ["pool"],
    "volume-new": ["pool"],
    "volume": ["volume"],
    "volume-clone": ["volume"],
    "volume-resize": ["volume"],
    "volume-move": ["volume"],
    "volume-wipe": ["volume"],
    "volume-delete": ["volume"],
    "images": [],
    "image-fetch": [],
    "image-catalogue": [],
    "image-delete": ["image"],
    "template-access": ["template"],
    "host": [],
    "people": [],
    "person-add": [],
    "groups": [],
    "group-add": [],
    "group": ["group"],
    "group-edit": ["group"],
    "group-delete": ["group"],
    "activity": [],
    "people-rules": [],
    "people-roster": [],
    "people-invite": [],
    "person-deactivate": ["user"],
    "people-quotas": [],
    "quota-site": [],
    "quota-person": ["user"],
    "quota-group": ["group"],
    "lease-site": [],
    "lease-group": ["group"],
    "account": [],
    "account_reauthenticate": [],
    "mfa_index": [],
    "account_change_password": [],
    "account_logout": [],
}
ELSEWHERE = {
    "template-from-guest",
    "recording-delete",
    "recording-stop",
    "recording-play",
    "recording-download",
    "recording",
    "host-consoles",
    "guest-thumbnail",
    "guest-disk-grow",
    "guest-series",
    "host-series",
    "activity-csv",
    "account_login",
    "openid_connect_callback",
    "join",
    "register",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_authenticate",
    "mfa_deactivate_totp",
    "mfa_edit_webauthn",
    "mfa_list_webauthn",
    "mfa_login_webauthn",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn",
}
"""Tested where they belong."""


@pytest.fixture
def address(make_guest, template, alice):
    group = Group.objects.create(name="Team")
    Membership.objects.create(group=group, user=alice)
    ids = {
        "vm": make_guest(alice).pk,
        "template": template.pk,
        "user": alice.pk,
        "group": group.pk,
        "pool": template.image.pool_id,
        "volume": template.image_id,
        "image": template.image_id,
    }
    ids |= {"pool": template.image.pool_id, "volume": template.image_id}
    ids["group"] = Group.objects.create(name="Students").pk

    def make(name: str, args: list[str]) -> str:
        return reverse(name, args=[ids.get(arg, arg) for arg in args])

    return make


def test_every_address_is_in_one_of_the_tables():
    names = {pattern.name for pattern in urls.urlpatterns}
    assert names == set(POST_ONLY) | set(READABLE) | ELSEWHERE


@pytest.mark.parametrize("name", READABLE)
def test_get_writes_nothing(web, admin, address, name):
    url, client = address(name, READABLE[name]), web(admin)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    writes = [q["sql"] for q in queries if not q["sql"].startswith(("SELECT", "PRAGMA"))]
    assert writes == []


@pytest.mark.parametrize("name", POST_ONLY)
def test_what_changes_something_is_not_done_by_get(web, admin, address, name):
    answer = web(admin).get(address(name, POST_ONLY[name]))
    assert answer.status_code == 405


@pytest.mark.parametrize("name", READABLE)
def test_page_has_no_inline_code_and_no_other_host(web, admin, address, name):
    page = tree(web(admin).get(address(name, READABLE[name])))
    for element in page.iter():
        if not isinstance(element.tag, str):
            continue
        assert element.tag != "style"
        found = [key for key in element.attrib if key.startswith(EVENTS)]
        assert not found, f"{element.tag} has {found}"
        for key in ("src", "href", "action"):
            assert not (element.get(key) or "").startswith(("http:", "https:", "//", "javascript:"))
    inline = [s for s in page.cssselect("script") if not s.get("src")]
    assert all(script.get("type") == "application/json" for script in inline)


@pytest.mark.parametrize("name", READABLE)
def test_every_control_has_a_name_and_ids_are_unique(web, admin, address, name):
    page = tree(web(admin).get(address(name, READABLE[name])))
    ids = [element.get("id") for element in page.cssselect("[id]")]
    assert len(ids) == len(set(ids)), [each for each in ids if ids.count(each) > 1]
    labels = {label.get("for") for label in page.cssselect("label[for]")}
    for control in page.cssselect("input:not([type=hidden]), select, textarea, button, a"):
        if control.get("hidden") is not None or control.get("aria-hidden") == "true":
            continue
        has_label = control.get("id") in labels or any(
            parent.tag == "label" for parent in control.iterancestors()
        )
        words = control.get("aria-label") or " ".join(control.text_content().split())
        assert has_label or words, control.attrib


def test_tabs_are_for_those_who_may_use_them(web, admin, alice):
    tabs = ["Guests", "Templates", "Storage", "Host", "People", "Activity"]
    assert texts(web(admin).get("/"), ".tabs a") == tabs
    assert texts(web(alice).get("/"), ".tabs a") == ["Guests", "Templates"]


def test_tab_of_the_page_is_marked(web, admin):
    page = web(admin).get(reverse("people"))
    assert texts(page, ".tabs a[aria-current=page]") == ["People"]


def test_appearance_follows_the_cookie(web, alice):
    client = web(alice)
    assert tree(client.get("/")).get("data-bs-theme") is None
    client.cookies["kvmweb_appearance"] = "dark"
    assert tree(client.get("/")).get("data-bs-theme") == "dark"
    client.cookies["kvmweb_appearance"] = '"><script>'
    assert tree(client.get("/")).get("data-bs-theme") is None


def test_pages_are_not_kept_by_the_browser(web, alice):
    assert "no-store" in web(alice).get("/")["Cache-Control"]


def test_unknown_page_is_in_the_look_also_for_strangers(web, mallory):
    for client in (web(mallory), Client()):
        answer = client.get("/nothing/here/")
        assert answer.status_code == 404
        assert "no such thing" in answer.content.decode()


def test_error_of_ours_is_a_page_without_a_traceback(web, alice, monkeypatch):
    def fail(*_args: object) -> None:
        msg = "inner secret"
        raise RuntimeError(msg)

    monkeypatch.setattr("vms.selectors.listed_vms", fail)
    client = web(alice)
    client.raise_request_exception = False
    answer = client.get("/")
    assert answer.status_code == 500
    assert "our fault" in answer.content.decode()
    assert "inner secret" not in answer.content.decode()


def test_prefix_stands_in_every_address(web, alice, row_of):
    row_of(alice, state="running", has_vnc=True)
    client = web(alice)
    set_script_prefix("/kvm/")
    try:
        page = tree(client.get("/"))
    finally:
        set_script_prefix("/")
    for key in (
        "href",
        "src",
        "action",
        "hx-post",
        "data-rows-url",
        "data-status-url",
        "data-shot",
    ):
        for element in page.cssselect(f"[{key}]"):
            value = element.get(key)
            if value.startswith("/static/"):
                continue  # made once per process, with the prefix that it started with
            assert value.startswith(("/kvm/", "#")), f"{key}={value}"


def test_mallory_sees_no_names_in_the_frame(web, mallory, row_of, alice):
    row_of(alice, name="secret name")
    for name in ("guests", "templates", "guest-new", "account_change_password"):
        assert b"secret name" not in web(mallory).get(reverse(name)).content
