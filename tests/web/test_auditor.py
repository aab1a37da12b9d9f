"""What an auditor finds: everything to read, and nothing that looks as if he could change it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.conftest import make_user
from tests.web.conftest import texts, tree
from vms.models import AuditEntry, ConsoleLink


@pytest.fixture
def auditor(db) -> Client:
    client = Client()
    client.force_login(make_user("auditor", "auditor"))
    return client


def is_for_reading(page) -> bool:
    """Say whether the page shows fields and lets nobody send them."""
    fields = page.cssselect("main fieldset[disabled] :is(input, select, textarea)")
    return bool(fields) and not page.cssselect("main form[method=post]")


def test_he_reads_the_versions_of_a_template_and_to_whom_it_is_granted(auditor, template):
    cards = tree(auditor.get(reverse("templates")))
    links = {each.get("href") for each in cards.cssselect(".choice a")}
    history, access = (
        reverse(name, args=[template.pk]) for name in ("template-history", "template-access")
    )
    assert links == {history, access}
    assert texts(auditor.get(history), "tbody td b") == ["1"]
    shown = tree(auditor.get(access))
    assert is_for_reading(shown)
    assert shown.cssselect("[name=is_for_all][checked]")


@pytest.mark.parametrize("name", ["quota-site", "lease-site", "people-rules"])
def test_he_reads_rules_as_a_page_without_a_button(auditor, name):
    assert is_for_reading(tree(auditor.get(reverse(name))))
    AuditEntry.objects.all().delete()
    assert auditor.post(reverse(name)).status_code == 403


def test_he_reads_the_links_to_a_console_and_makes_none(auditor, row_of, alice):
    guest = row_of(alice, has_vnc=True)
    ConsoleLink.objects.create(
        vm=guest,
        made_by=alice,
        name="for the workshop",
        secret_hash="x",
        kind="vnc",
        mode="view",
        expires_at=timezone.now() + timedelta(days=1),
    )
    page = auditor.get(reverse("guest-links", args=[guest.pk]))
    assert texts(page, "tbody td b") == ["for the workshop"]
    assert not tree(page).cssselect("main form[method=post]")
    (console,) = tree(auditor.get(reverse("guest-console", args=[guest.pk]))).cssselect("#console")
    assert console.get("data-links-url") == reverse("guest-links", args=[guest.pk])


def test_he_is_not_led_to_a_form_for_a_new_guest(auditor, template):
    assert auditor.get(reverse("guest-new")).status_code == 403
    assert "New guest" not in texts(auditor.get(reverse("templates")), "main .btn")


def test_his_activity_leads_to_the_versions_of_a_template(auditor, template):
    page = tree(auditor.get(reverse("activity")))
    hrefs = [each.get("href") for each in page.cssselect("tbody a")]
    assert reverse("template-history", args=[template.pk]) in hrefs
