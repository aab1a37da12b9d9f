"""Templates: everybody sees them, administrators make, edit and delete them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import Template, Volume

GOOD = {"name": "Debian <b>12", "vcpus": "2", "memory_mib": "512", "disk_gib": "2"}


def edit_url(template: Template) -> str:
    return reverse("template-edit", args=[template.pk])


def delete_url(template: Template) -> str:
    return reverse("template-delete", args=[template.pk])


def test_page_shows_image_defaults_and_use(web, alice, template, row_of):
    row_of(alice, template=template)
    card = texts(web(alice).get(reverse("templates")), ".choice")[0]
    assert "base.qcow2" in card
    assert "1 guest" in card


def test_use_counts_only_guests_that_one_may_see(web, alice, mallory, template, row_of):
    row_of(alice, template=template)
    assert "0 guests" in texts(web(mallory).get(reverse("templates")), ".choice")[0]


def test_invalid_template_says_why(web, alice, template):
    Volume.objects.all().delete()
    assert "no longer" in texts(web(alice).get(reverse("templates")), ".reason")[0]


def test_empty_page_says_what_to_do(web, admin, alice):
    assert "storage pool" in texts(web(admin).get(reverse("templates")), ".empty-state")[0]
    assert "administrator" in texts(web(alice).get(reverse("templates")), ".empty-state")[0]


def test_administrator_makes_a_template(web, admin, image):
    answer = web(admin).post(reverse("template-new"), {**GOOD, "image": str(image.pk)})
    assert answer.status_code == 302, texts(answer, ".errors")
    made = Template.objects.get()
    assert (made.name, made.vcpus, made.disk_bytes) == ("Debian <b>12", 2, 2 << 30)
    assert b"Debian <b>12" not in web(admin).get(reverse("templates")).content


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("image", "", "required"),
        ("image", "nonsense", "valid choice"),
        ("name", "", "required"),
        ("name", "a/b", "/"),
        ("vcpus", "0", "1"),
        ("memory_mib", "x", "whole number"),
        ("memory_mib", "1", "32 MiB"),
        ("disk_gib", "0.1", "1 GiB"),
        ("network_name", "nowhere", "valid choice"),
        ("default_user", "Big Name", "lower-case"),
        ("description", "x" * 2001, "2000"),
    ],
)
def test_wrong_field_says_so_and_nothing_is_made(web, admin, image, field, value, words):
    data = {**GOOD, "image": str(image.pk), field: value}
    answer = web(admin).post(reverse("template-new"), data)
    assert answer.status_code == 422
    assert words in error_beside(answer, field)
    if field not in {"image", "network_name"}:
        assert value_of(answer, field) == value
    assert not Template.objects.exists()


def test_used_name_is_told_at_the_name(web, admin, template, image):
    data = {**GOOD, "name": template.name, "image": str(image.pk)}
    answer = web(admin).post(reverse("template-new"), data)
    assert "already" in error_beside(answer, "name")


def test_defaults_can_be_edited(web, admin, template):
    page = web(admin).get(edit_url(template))
    assert value_of(page, "memory_mib") == "128"
    web(admin).post(edit_url(template), {**GOOD, "memory_mib": "256"})
    template.refresh_from_db()
    assert (template.memory_mib, template.name) == (256, "Debian <b>12")


def test_wrong_edit_changes_nothing(web, admin, template):
    answer = web(admin).post(edit_url(template), {**GOOD, "memory_mib": "1"})
    assert answer.status_code == 422
    assert error_beside(answer, "memory_mib")
    template.refresh_from_db()
    assert template.memory_mib == 128


def test_deletion_asks_first_and_keeps_the_guests(web, admin, template, row_of, alice):
    guest = row_of(alice, template=template, template_name=template.name)
    page = web(admin).get(delete_url(template))
    assert template.name in texts(page, "h2")[0]
    assert "1 guest" in texts(page, ".sheet-body")[0]
    web(admin).post(delete_url(template))
    assert not Template.objects.exists()
    guest.refresh_from_db()
    assert guest.template is None


def test_mallory_makes_edits_and_deletes_nothing(web, mallory, template, image):
    client = web(mallory)
    assert client.get(reverse("template-new")).status_code == 403
    data = {**GOOD, "image": str(image.pk)}
    assert client.post(reverse("template-new"), data).status_code == 403
    for url in (edit_url(template), delete_url(template)):
        assert client.get(url).status_code == 403
        assert client.post(url, GOOD).status_code == 403
    assert Template.objects.get().name == template.name
    assert not tree(client.get(reverse("templates"))).cssselect(f"a[href='{edit_url(template)}']")
