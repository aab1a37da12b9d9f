"""Images of template authors: what they bring, see, use and delete; ordinary users may not."""

from __future__ import annotations

import pytest
from django.utils import timezone

import vms.worker.jobs  # noqa: F401 - registers the runners
from tests.conftest import make_user
from vms.models import ImageOrigin, Pool, Template, TemplateGrant, Upload, Volume
from vms.policy import Person
from vms.problems import Forbidden, Invalid, NotFound
from vms.services import (
    downloads,
    fetching,
    images,
    importing,
    jobs,
    survey,
    sync_storage,
    templates,
    uploads,
)
from vms.services.fetching import UrlRequest
from vms.services.templates import TemplateDefaults
from vms.services.uploads import UploadRequest


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path, "pool": "default-pool"})


@pytest.fixture
def author(db):
    return make_user("author", "author")


@pytest.fixture
def other(db):
    return make_user("other", "author")


@pytest.fixture
def own(author, image) -> Volume:
    """The disk image, brought by the author."""
    ImageOrigin.objects.create(
        host=image.pool.host,
        pool_name=image.pool.name,
        volume_name=image.name,
        source="upload",
        added_by=author,
    )
    return image


def names(user) -> list[str]:
    return [each.volume.name for each in images.listing(actor=Person(user))]


def test_an_author_uploads_into_the_usual_pool_and_nowhere_else(author, test_host):
    ask = {"filename": "a.iso", "size_bytes": 1 << 20}
    elsewhere = Pool.objects.create(
        host=test_host, pool_uuid=test_host.pk, name="elsewhere", state="active"
    )
    with pytest.raises(Invalid) as caught:
        uploads.begin(actor=Person(author), request=UploadRequest(**ask, pool_id=elsewhere.pk))
    assert "pool" in caught.value.fields
    state = uploads.begin(actor=Person(author), request=UploadRequest(**ask))
    assert Upload.objects.get(pk=state.id).pool.name == "default-pool"
    assert [pool.name for pool in importing.pools_for(Person(author))] == ["default-pool"]


def test_one_author_finds_no_upload_of_another(author, other, admin, test_host):
    state = uploads.begin(actor=Person(other), request=UploadRequest("a.iso", 1 << 20))
    for verb in (uploads.look, uploads.discard, uploads.complete):
        with pytest.raises(NotFound):
            verb(actor=Person(author), upload_id=state.id)
    uploads.discard(actor=Person(admin), upload_id=state.id)


def test_an_author_fetches_from_the_catalogue_and_cancels_it(author, other, test_host, jobs_wait):
    job = fetching.from_catalogue(actor=Person(author), entry_id="debian-13-x86_64")
    assert (job.actor, job.params["pool_id"]) == (
        author,
        str(Pool.objects.get(name="default-pool").pk),
    )
    with pytest.raises(NotFound):
        jobs.cancel(actor=Person(other), job_id=job.pk)
    jobs.cancel(actor=Person(author), job_id=job.pk)


def test_an_address_is_for_authors_where_the_administrator_allows_it(
    author, alice, test_host, settings, jobs_wait
):
    wanted = UrlRequest("https://example.org/a.iso")
    with pytest.raises(Forbidden):
        fetching.from_url(actor=Person(author), request=wanted)
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"author_urls": True})
    job = fetching.from_url(actor=Person(author), request=wanted)
    with pytest.raises(Forbidden):
        fetching.from_url(actor=Person(alice), request=wanted)
    jobs.cancel(actor=Person(author), job_id=job.pk)
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"author_urls": False})
    job.refresh_from_db()
    job.undo = []
    job.save()
    with pytest.raises(Forbidden):
        jobs.repeat(actor=Person(author), job_id=job.pk)


def test_an_author_sees_his_own_and_those_of_templates_granted_to_him(author, other, own, template):
    assert names(author) == [own.name]
    TemplateGrant.objects.all().delete()
    assert names(other) == []
    TemplateGrant.objects.create(template=template, is_for_all=True)
    assert names(other) == [own.name]
    (seen,) = images.listing(actor=Person(other))
    assert not seen.is_managed


def test_an_author_makes_a_template_of_his_own_image(author, own):
    made = templates.create(
        actor=Person(author), image_id=own.pk, defaults=TemplateDefaults(name="Mine")
    )
    assert (made.image, made.created_by) == (own, author)


def test_an_author_deletes_his_own_image_when_nothing_uses_it(author, other, own, template):
    with pytest.raises(Exception, match="image-used"):
        images.delete(actor=Person(author), image_id=own.pk)
    template.delete()
    with pytest.raises(NotFound):
        images.delete(actor=Person(other), image_id=own.pk)
    images.delete(actor=Person(author), image_id=own.pk)
    assert not Volume.objects.filter(pk=own.pk).exists()


def test_an_image_that_was_only_granted_is_not_his_to_delete_or_read(author, template):
    assert names(author) == ["base.qcow2"]
    with pytest.raises(Forbidden):
        images.delete(actor=Person(author), image_id=template.image_id)
    with pytest.raises(NotFound):
        downloads.grant(actor=Person(author), volume_id=template.image_id)


def test_templates_of_others_on_his_image_are_counted_and_not_named(author, own, template):
    TemplateGrant.objects.all().delete()
    (seen,) = images.listing(actor=Person(author))
    assert (seen.uses, seen.hidden_uses) == ((), 1)
    assert template.name not in str(seen.problem)


def test_who_is_no_author_any_more_has_nothing_of_it(author, own):
    author.role = "user"
    author.save()
    assert names(author) == []
    with pytest.raises(NotFound):
        images.delete(actor=Person(author), image_id=own.pk)
    with pytest.raises(Forbidden):
        uploads.begin(actor=Person(author), request=UploadRequest("a.iso", 1 << 20))


def test_what_takes_the_name_of_an_image_that_is_gone_is_nobodys(author, own, test_host):
    ImageOrigin.objects.update(added_at=timezone.now() - 2 * sync_storage.FRESH)
    sync_storage.observe_pools(test_host, *_without(own))
    assert not ImageOrigin.objects.exists()
    survey.storage_of(test_host)
    assert Volume.objects.filter(name=own.name).exists()
    assert names(author) == []


def test_an_image_that_has_just_come_is_not_forgotten_by_an_older_listing(author, own, test_host):
    sync_storage.observe_pools(test_host, *_without(own))
    survey.storage_of(test_host)
    assert names(author) == [own.name]


def _listed(volume: Volume):
    from vms.hypervisor import storage
    from vms.services import hosts

    return storage.list_volumes(hosts.connection(volume.pool.host), volume.pool.name)


def _without(volume: Volume):
    """A listing of the volume's pool in which it does not stand."""
    from vms.hypervisor import storage
    from vms.services import hosts

    link = hosts.connection(volume.pool.host)
    infos = [one for one in _listed(volume) if one.name != volume.name]
    return storage.list_pools(link), {volume.pool.name: infos}


def test_mallory_brings_and_sees_nothing(mallory, own, test_host):
    actor = Person(mallory)
    asks = [
        lambda: uploads.begin(actor=actor, request=UploadRequest("a.iso", 1 << 20)),
        lambda: fetching.entries(actor=actor),
        lambda: fetching.from_catalogue(actor=actor, entry_id="debian-13-x86_64"),
        lambda: fetching.from_url(actor=actor, request=UrlRequest("https://example.org/a.iso")),
    ]
    for ask in asks:
        with pytest.raises(Forbidden):
            ask()
    assert importing.pools_for(actor) == []
    assert names(mallory) == []
    assert not Template.objects.exists()


def test_the_usual_pool_is_offered_first(admin, test_host):
    Pool.objects.create(host=test_host, pool_uuid=test_host.pk, name="another", state="active")
    names = [pool.name for pool in importing.pools_for(Person(admin))]
    assert names == ["default-pool", "another"]
