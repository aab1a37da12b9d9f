"""Notices: who is told what, once, in the page and by mail."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from vms.live import publish
from vms.models import VM, Group, Job, Membership, Notice
from vms.policy import Person
from vms.problems import Invalid, NotFound, Problem
from vms.services import account, jobs, mail, notices, sharing

pytestmark = pytest.mark.django_db

SHARED = {"by": "bob", "name": "web <b>", "role": "operator", "vm": "11111111"}


@pytest.fixture
def row_of_owner(test_host):
    """Make a guest's row alone: row_of_owner(owner, name)."""

    def make(owner, name: str) -> VM:
        key = uuid.uuid4()
        return VM.objects.create(id=key, domain_uuid=key, host=test_host, owner=owner, name=name)

    return make


def tell(user, kind=notices.SHARED, params=SHARED, once_key="") -> bool:
    return notices.tell(user=user, kind=kind, params=params, once_key=once_key)


def test_a_notice_is_a_sentence_for_that_person_alone(alice, mallory):
    assert tell(alice)
    (line,) = notices.latest(actor=Person(alice))
    assert line.text == "bob shares the guest “web <b>” with you as Operator."
    assert (line.vm_id, line.is_read) == ("11111111", False)
    assert notices.latest(actor=Person(mallory)) == []


def test_who_is_given_a_share_hears_of_it_also_in_a_group(row_of_owner, alice, bob, carol, mallory):
    guest = row_of_owner(alice, "web")
    group = Group.objects.create(name="Lab")
    for user in (alice, carol):
        Membership.objects.create(group=group, user=user)
    actor = Person(alice)
    sharing.share_with_person(actor=actor, vm_id=guest.pk, username="bob", role="operator")
    sharing.share_with_group(actor=actor, vm_id=guest.pk, group_id=group.pk, role="viewer")
    for user, role in ((bob, "Operator"), (carol, "Viewer")):
        (line,) = notices.latest(actor=Person(user))
        assert line.text.lower().endswith(f"shares the guest “web” with you as {role.lower()}.")
        assert line.vm_id == str(guest.pk)
    assert not Notice.objects.filter(user__in=[alice, mallory]).exists()


def test_the_same_thing_is_told_once_to_each(alice, bob):
    assert tell(alice, once_key="quota memory 90")
    assert not tell(alice, once_key="quota memory 90")
    assert tell(bob, once_key="quota memory 90")
    assert tell(alice)
    assert tell(alice)
    assert Notice.objects.filter(user=alice).count() == 3


def test_an_unknown_kind_is_a_mistake_of_the_caller(alice):
    with pytest.raises(ValueError, match="weather"):
        tell(alice, kind="weather")


def test_the_page_hears_of_it_when_it_is_committed(
    alice, monkeypatch, django_capture_on_commit_callbacks
):
    heard: list[str] = []
    monkeypatch.setattr(publish, "notices_changed", heard.append)
    with django_capture_on_commit_callbacks() as callbacks:
        tell(alice)
    assert heard == []
    for callback in callbacks:
        callback()
    assert heard == [str(alice.pk)]


def test_a_failed_job_is_told_to_whoever_asked_for_it_with_the_reason(make_guest, alice, bob):
    job = make_guest(alice, "lab").jobs.get()
    Job.objects.update(state="running")
    jobs.finish(job.pk, Problem("image-gone", name="base", pool="p"))
    (line,) = notices.latest(actor=Person(alice))
    assert "“lab” failed: Its image “base” is no longer in the pool “p”." in line.text
    assert notices.latest(actor=Person(bob)) == []


def test_a_job_that_he_cancelled_is_no_news_to_him(make_guest, alice):
    job = make_guest(alice, "lab").jobs.get()
    Job.objects.update(state="running")
    jobs.finish(job.pk, jobs.Cancelled())
    assert not Notice.objects.exists()


def test_reading_one_and_reading_all(alice, mallory):
    for _ in range(3):
        tell(alice)
    first = notices.latest(actor=Person(alice))[0]
    with pytest.raises(NotFound):
        notices.mark_read(actor=Person(mallory), notice_id=first.id)
    notices.mark_read(actor=Person(alice), notice_id=first.id)
    assert [each.is_read for each in notices.latest(actor=Person(alice))].count(True) == 1
    assert notices.mark_all_read(actor=Person(mallory)) == 0
    assert notices.mark_all_read(actor=Person(alice)) == 2


def test_nothing_is_mailed_until_a_server_is_there(alice):
    account.choose_mails(actor=Person(alice), email="alice@example.org", kinds=[notices.SHARED])
    tell(alice)
    assert Notice.objects.get().mail_due_at is None
    with pytest.raises(mail.MailFailed):
        mail.send(to="alice@example.org", subject="x", text="x")


def test_a_notice_is_mailed_once_with_a_link_to_the_guest(alice, bob, postbox, settings):
    more = {"public_urls": ["https://vms.example.org/kvm"]}
    settings.KVMWEB = settings.KVMWEB.model_copy(update=more)
    account.choose_mails(actor=Person(alice), email="alice@example.org", kinds=[notices.SHARED])
    tell(alice)
    tell(alice, kind=notices.QUOTA, params={"used": 9, "limit": 10, "quota": "vCPUs"})
    tell(bob)
    notices.send_due_mails()
    notices.send_due_mails()
    (arrived,) = postbox.mails
    assert postbox.recipients == ["alice@example.org"]
    assert arrived["Subject"] == "A guest is shared with you"
    assert arrived["From"] == "kvm@example.org"
    text = arrived.get_content()
    assert "bob shares the guest “web <b>” with you as Operator." in text
    assert "https://vms.example.org/kvm/guests/11111111/" in text


def test_a_mail_that_is_not_taken_is_tried_again_later_and_not_for_ever(alice, postbox):
    account.choose_mails(actor=Person(alice), email="alice@example.org", kinds=[notices.SHARED])
    tell(alice)
    postbox.refuses = True
    waits = []
    for _ in range(notices.MAX_TRIES):
        Notice.objects.update(mail_due_at=timezone.now())
        notices.send_due_mails()
        waits.append(Notice.objects.get().mail_due_at)
    assert waits[0] > timezone.now() + timedelta(seconds=30)
    assert waits[-1] is None
    postbox.refuses = False
    notices.send_due_mails()
    assert postbox.mails == []


def test_a_name_with_line_breaks_adds_no_header(postbox):
    mail.send(to="alice@example.org", subject="a\r\nBcc: eve@example.org", text="x")
    assert postbox.recipients == ["alice@example.org"]
    assert postbox.mails[0]["Bcc"] is None


def test_a_wrong_address_or_kind_is_refused_at_its_field(alice):
    with pytest.raises(Invalid) as caught:
        account.choose_mails(actor=Person(alice), email="nobody", kinds=["weather"])
    assert set(caught.value.fields) == {"email", "kinds"}


def test_old_notices_go(alice):
    tell(alice)
    notices.delete_old()
    assert Notice.objects.exists()
    Notice.objects.update(created_at=timezone.now() - notices.KEPT - timedelta(days=1))
    notices.delete_old()
    assert not Notice.objects.exists()
