"""Two who want the same at the same moment: one gets it, and what is left is true.

Run on SQLite with the fast tests, and on PostgreSQL by tests/kvmweb/test_postgresql.py.
"""

from __future__ import annotations

from django.db import connection

from tests.races.conftest import at_once, refusals
from vms.models import VM, Job
from vms.policy import Person
from vms.problems import Invalid
from vms.services import machines, people, tags


def _create(owner, template, **more):
    request = machines.CreateRequest(template_id=template.pk, **more)
    return lambda: machines.create(actor=Person(owner), request=request)


def test_unnamed_guests_asked_for_at_once_get_distinct_names(template, alice):
    results = at_once(*[_create(alice, template) for _ in range(4)])
    assert refusals(results) == []
    names = set(VM.objects.filter(owner=alice).values_list("name", flat=True))
    assert names == {"small-one-1", "small-one-2", "small-one-3", "small-one-4"}


def test_the_same_name_asked_for_at_once_is_given_once(template, alice):
    results = at_once(*[_create(alice, template, name="web") for _ in range(3)])
    failed = refusals(results)
    assert [type(error) for error in failed] == [Invalid, Invalid]
    assert {error.fields["name"].code for error in failed} == {"name-used"}
    assert (VM.objects.filter(owner=alice).count(), Job.objects.count()) == (1, 1)


def test_tags_added_at_once_are_all_there(template, alice, test_host):
    vm, _job = _create(alice, template, name="web")()

    def add(tag):
        return lambda: tags.change(actor=Person(alice), vm_id=vm.pk, add=[tag])

    assert refusals(at_once(add("one"), add("two"), add("three"))) == []
    vm.refresh_from_db()
    assert set(vm.tags) == {"one", "two", "three"}


def test_somebody_added_twice_at_once_is_added_once(admin):
    def add():
        return people.add(actor=Person(admin), username="dora")

    failed = refusals(at_once(add, add))
    assert [type(error) for error in failed] == [Invalid]
    assert failed[0].fields["username"].code == "username-used"


def test_these_tests_run_on_the_database_that_was_asked_for(settings):
    wanted = settings.KVMWEB.database_url.get_secret_value()
    assert connection.vendor == ("postgresql" if wanted else "sqlite")
