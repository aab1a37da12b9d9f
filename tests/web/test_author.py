"""A template author from an image to a template that is withdrawn, by the pages alone."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.conftest import make_user
from tests.web.conftest import error_beside, texts, tree
from vms.models import Group, Membership, Template, User

GOOD = {"name": "Course", "vcpus": "1", "memory_mib": "128", "disk_gib": "2"}


@pytest.fixture
def author(db) -> User:
    return make_user("author", "author")


@pytest.fixture
def lab(author, alice) -> Group:
    """A group of the author's."""
    group = Group.objects.create(name="Lab")
    for user in (author, alice):
        Membership.objects.create(group=group, user=user)
    return group


def sent(client: Client, url: str, **changes: list[str]) -> HttpResponse:
    """Fill the form of a page as it is, with changes, and send it."""
    (form,) = tree(client.get(url)).cssselect("main form[method=post]")
    data = [(name, value) for name, value in form.form_values() if name not in changes]
    data += [(name, value) for name, values in changes.items() for value in values]
    kind = "application/x-www-form-urlencoded"
    return client.post(url, urlencode(data), content_type=kind)


def test_an_author_makes_grants_edits_and_withdraws_a_template(
    web, author, lab, alice, mallory, template, image
):
    client = web(author)
    page = tree(client.get(reverse("template-new")))
    offered = [each.get("value") for each in page.cssselect("[name=image] option")]
    assert str(image.pk) in offered  # that of a template which he may use
    answer = client.post(reverse("template-new"), {**GOOD, "image": str(image.pk)})
    assert answer.status_code == 302, answer.content.decode()
    made = Template.objects.get(name="Course")

    def cards(user: User) -> list[str]:
        return texts(web(user).get(reverse("templates")), ".choice h2")

    assert "Course" in cards(alice)
    assert "Course" not in cards(mallory)

    access = reverse("template-access", args=[made.pk])
    shown = tree(client.get(access))
    assert not shown.cssselect("[name=is_for_all]")
    assert [each.get("value") for each in shown.cssselect("[name=groups]")] == [str(lab.pk)]
    assert sent(client, access, groups=[]).status_code == 302
    assert "Course" not in cards(alice)
    assert "Course" in cards(author)
    assert sent(client, access, groups=[str(lab.pk)], max_vcpus=["2"]).status_code == 302
    assert "Course" in cards(alice)

    edit = reverse("template-edit", args=[made.pk])
    assert sent(client, edit, memory_mib=["256"]).status_code == 302
    history = client.get(reverse("template-history", args=[made.pk]))
    assert texts(history, "tbody td b") == ["2", "1"]

    assert sent(client, reverse("template-delete", args=[made.pk])).status_code == 302
    assert "Course" not in cards(author)


def test_an_author_grants_to_no_group_of_others(web, author, lab, template):
    client = web(author)
    Template.objects.filter(pk=template.pk).update(created_by=author)
    other = Group.objects.create(name="Others")
    access = reverse("template-access", args=[template.pk])
    answer = sent(client, access, groups=[str(other.pk)])
    assert answer.status_code == 422
    assert error_beside(answer, "groups")


def test_an_author_may_neither_change_nor_withdraw_what_is_for_everyone(web, author, template):
    client = web(author)
    for name in ("template-edit", "template-access", "template-delete", "template-history"):
        assert client.get(reverse(name, args=[template.pk])).status_code == 403
    assert not tree(client.get(reverse("templates"))).cssselect(".choice a[href*='edit']")
