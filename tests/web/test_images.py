"""The Images page, the catalogue and the form for an address."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse

from tests.conftest import make_user
from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import ImageOrigin, Job, Upload, Volume
from vms.policy import Person
from vms.services import uploads
from vms.services.uploads import UploadRequest

PAGE = "/images/"


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path, "pool": "default-pool"})


@pytest.fixture
def known(image):
    """An image of which all is known."""
    return ImageOrigin.objects.create(
        host=image.pool.host,
        pool_name=image.pool.name,
        volume_name=image.name,
        source="catalogue",
        origin="https://example.org/<b>.qcow2",
        checksum="sha256:" + "a" * 64,
        is_verified=True,
        os_name="Debian 12",
    )


def test_page_shows_where_an_image_came_from_and_who_uses_it(web, admin, known, template):
    answer = web(admin).get(PAGE)
    (row,) = [each for each in texts(answer, ".images tbody tr") if "base.qcow2" in each]
    for words in ("Debian 12", "from the catalogue", "verified", template.name, "default-pool"):
        assert words in row
    assert b"<b>.qcow2" not in answer.content


def test_page_says_what_to_do_when_there_is_nothing(web, admin, alice):
    assert "catalogue" in texts(web(admin).get(PAGE), ".empty-state")[0]
    assert "administrator" in texts(web(alice).get(PAGE), ".empty-state")[0]


def test_unfinished_uploads_stand_there_and_can_be_given_up(web, admin, test_host):
    wanted = UploadRequest(filename="half <b>.iso", size_bytes=4 << 20)
    state = uploads.begin(actor=Person(admin), request=wanted)
    state.path.write_bytes(bytes(1 << 20))
    answer = web(admin).get(PAGE)
    assert "1 MiB of 4 MiB came" in texts(answer, ".transfer")[0]
    assert b"half <b>" not in answer.content
    web(admin).post(reverse("upload-discard", args=[state.id]))
    assert not Upload.objects.exists()


def test_a_job_that_brings_an_image_in_stands_there_with_its_progress(web, admin, test_host):
    values = {"state": "running", "step": "copy", "bytes_done": 1 << 20, "bytes_total": 4 << 20}
    Job.objects.create(
        kind="import-image", actor=admin, target_kind="image", target_name="new.iso", **values
    )
    text = texts(web(admin).get(PAGE), ".transfer")[0]
    assert "new.iso" in text
    assert "25 %" in text


def test_deleting_asks_first_and_says_why_it_cannot_be(web, admin, image, template):
    url = reverse("image-delete", args=[image.pk])
    page = web(admin).get(url)
    assert template.name in texts(page, ".sheet-body")[0]
    assert not tree(page).cssselect(".btn-danger")
    web(admin).post(url)
    assert Volume.objects.filter(pk=image.pk).exists()
    template.delete()
    assert "base.qcow2" in texts(web(admin).get(url), ".btn-danger")[0]
    web(admin).post(url)
    assert not Volume.objects.filter(pk=image.pk).exists()


def test_catalogue_offers_every_system_and_fetches_the_chosen_one(
    web, admin, image, jobs_wait, django_capture_on_commit_callbacks
):
    page = web(admin).get(reverse("image-catalogue"))
    found = texts(page, ".choice h2")
    for name in ("Debian 13", "Debian 12", "Ubuntu 24.04 LTS", "CirrOS 0.6.3", "Arch Linux"):
        assert name in found
    data = {"entry": "debian-13-x86_64", "pool": str(image.pool.pk)}
    answer = web(admin).post(reverse("image-catalogue"), data)
    assert answer.status_code == 302
    job = Job.objects.get()
    assert (job.kind, job.state) == ("fetch-image", "queued")
    assert job.params["more"]["checksum_url"].endswith("SHA512SUMS")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("url", "", "required"),
        ("url", "ftp://example.org/x.iso", "https://"),
        ("url", "https://user:pw@example.org/x.iso", "password"),
        ("url", "https://example.org/letter.doc", "does not end"),
        ("checksum", "abc", "hexadecimal"),
        ("pool", "", "required"),
    ],
)
def test_a_wrong_field_says_so_and_keeps_what_was_typed(web, admin, image, field, value, words):
    good = {"url": "https://example.org/x.iso", "checksum": "", "pool": str(image.pool.pk)}
    answer = web(admin).post(reverse("image-fetch"), {**good, field: value})
    assert answer.status_code == 422
    assert words in error_beside(answer, field)
    if field != "pool":
        assert value_of(answer, field) == value
    assert not Job.objects.exists()


def test_an_address_is_fetched_by_a_job(web, admin, image, jobs_wait):
    data = {
        "url": "https://example.org/a/x.iso?token=secret",
        "checksum": "a" * 64,
        "pool": str(image.pool.pk),
    }
    assert web(admin).post(reverse("image-fetch"), data).status_code == 302
    job = Job.objects.get()
    assert job.target_name == "x.iso"
    assert "secret" not in job.params["origin"]
    page = web(admin).get(PAGE)
    assert b"secret" not in page.content


def test_mallory_gets_no_form_no_catalogue_and_deletes_nothing(web, mallory, image):
    client = web(mallory)
    for name in ("image-fetch", "image-catalogue"):
        assert client.get(reverse(name)).status_code == 403
        assert client.post(reverse(name), {"entry": "debian-13-x86_64"}).status_code == 403
    for url in (
        reverse("image-delete", args=[image.pk]),
        reverse("upload-discard", args=[uuid.uuid4()]),
    ):
        assert client.post(url).status_code == 404
    page = client.get(PAGE)
    assert not tree(page).cssselect("#upload")
    assert b"base.qcow2" not in page.content
    assert not Job.objects.exists()


# Template authors


@pytest.fixture
def author(db):
    return make_user("author", "author")


def test_an_author_finds_ways_in_and_an_ordinary_user_none(web, author, alice, image, settings):
    page = tree(web(author).get(PAGE))
    assert page.cssselect("#upload select option")
    assert page.cssselect("a[href='/images/catalogue/']")
    assert not page.cssselect("a[href='/images/fetch/']")
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"author_urls": True})
    assert tree(web(author).get(PAGE)).cssselect("a[href='/images/fetch/']")
    assert web(author).get("/images/fetch/").status_code == 200
    page = tree(web(alice).get(PAGE))
    assert not page.cssselect("#upload, a[href='/images/catalogue/'], a[href='/images/fetch/']")


def test_an_author_deletes_his_own_from_the_page_and_no_other(web, author, known, image):
    url = reverse("image-delete", args=[image.pk])
    client = web(author)
    assert client.get(url).status_code == 404
    known.added_by = author
    known.save()
    assert tree(client.get(PAGE)).cssselect(f"a[href='{url}']")
    assert client.post(url).status_code == 302
    assert not Volume.objects.filter(pk=image.pk).exists()


def test_what_was_granted_to_an_author_can_become_a_template_and_is_not_his(
    web, author, known, template
):
    page = tree(web(author).get(PAGE))
    assert page.cssselect(f"a[href='/templates/new/?image={template.image_id}']")
    assert not page.cssselect(f"a[href='{reverse('image-delete', args=[template.image_id])}']")
    assert not page.cssselect("a[download]")
