"""Tags: their rules, who may change them, and where they are kept."""

from __future__ import annotations

import pytest

from vms import messages
from vms.hypervisor import domains
from vms.hypervisor.xml.parse import parse_metadata
from vms.models import VM, AuditEntry, Host
from vms.policy import Person, SystemActor
from vms.problems import Invalid, NotFound
from vms.services import hosts, survey, tags


def on_host(vm):
    xml = domains.get(hosts.connection(vm.host), str(vm.domain_uuid)).xml
    return parse_metadata(xml).tags


def test_tags_are_kept_in_the_database_and_on_the_host(make_guest, alice):
    guest = make_guest(alice)
    tags.replace(actor=Person(alice), vm_id=guest.pk, tags=["web", "  two   words ", "WEB"])
    guest.refresh_from_db()
    assert guest.tags == ["web", "two words"]
    assert on_host(guest) == ("web", "two words")


def test_what_others_changed_meanwhile_stays(make_guest, alice):
    guest = make_guest(alice)
    tags.change(actor=Person(alice), vm_id=guest.pk, add=["a", "b"])
    tags.change(actor=Person(alice), vm_id=guest.pk, add=["c"], remove=["A"])
    assert VM.objects.get(pk=guest.pk).tags == ["b", "c"]


def test_a_change_is_audited_and_shown_and_none_is_neither(make_guest, alice):
    guest = make_guest(alice)
    tags.change(actor=Person(alice), vm_id=guest.pk, add=["a"])
    after = VM.objects.get(pk=guest.pk)
    assert after.revision > guest.revision
    phases = AuditEntry.objects.filter(action="vm.tag").order_by("id")
    assert [entry.phase for entry in phases] == ["requested", "succeeded"]
    tags.change(actor=Person(alice), vm_id=guest.pk, add=["A"])
    assert VM.objects.get(pk=guest.pk).revision == after.revision
    assert phases.count() == 2


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("", "tag-blank"),
        ("   ", "tag-blank"),
        ("a,b", "tag-rule"),
        ('say "x"', "tag-rule"),
        ("a\nb", "tag-rule"),
        ("x" * 33, "tag-too-long"),
    ],
)
def test_wrong_tag_is_refused_with_its_rule_and_nothing_is_changed(make_guest, alice, wrong, code):
    guest = make_guest(alice)
    with pytest.raises(Invalid) as refusal:
        tags.change(actor=Person(alice), vm_id=guest.pk, add=["fine", wrong])
    problem = refusal.value.fields["tags"]
    assert problem.code == code
    assert "%(" not in messages.sentence(problem)
    assert VM.objects.get(pk=guest.pk).tags == []


def test_an_eleventh_tag_is_refused(make_guest, alice):
    guest = make_guest(alice)
    tags.replace(actor=Person(alice), vm_id=guest.pk, tags=map(str, range(10)))
    with pytest.raises(Invalid):
        tags.change(actor=Person(alice), vm_id=guest.pk, add=["one more"])
    assert len(VM.objects.get(pk=guest.pk).tags) == 10


def test_a_host_that_is_away_keeps_nobody_from_tagging(make_guest, alice):
    guest = make_guest(alice)
    Host.objects.filter(pk=guest.host_id).update(status="away")
    tags.change(actor=Person(alice), vm_id=guest.pk, add=["a"])
    assert VM.objects.get(pk=guest.pk).tags == ["a"]


def test_a_lost_database_finds_the_tags_again(make_guest, alice, test_host):
    guest = make_guest(alice)
    tags.change(actor=Person(alice), vm_id=guest.pk, add=["a b", "ü"])
    VM.objects.all().delete()
    survey.everything(test_host)
    assert VM.objects.get(domain_uuid=guest.domain_uuid).tags == ["a b", "ü"]


def test_mallory_changes_no_tags_and_learns_none(make_guest, alice, mallory):
    guest = make_guest(alice)
    tags.change(actor=Person(alice), vm_id=guest.pk, add=["secret"])
    with pytest.raises(NotFound):
        tags.change(actor=Person(mallory), vm_id=guest.pk, add=["x"])
    assert tags.suggestions(actor=Person(mallory)) == ()
    assert tags.suggestions(actor=SystemActor()) == ("secret",)
    assert tags.suggestions(actor=Person(alice), vm=VM.objects.get(pk=guest.pk)) == ()
