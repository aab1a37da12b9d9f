"""/metrics: who gets it, what is in it, and that it asks no host."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from vms.hypervisor.types import HostLoad
from vms.live import gauges, recent
from vms.live.messages import Numbers
from vms.models import VM, Host
from vms.policy import Person
from vms.problems import Forbidden
from vms.services import metrics, tokens

OUTSIDE = "192.0.2.7"


Found = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(response) -> Found:
    """Every line by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def value(found: Found, metric: str, /, **labels: str) -> float | None:
    """The number of one line; None when there is no such line."""
    return found.get((metric, frozenset(labels.items())))


@pytest.fixture
def behind_a_proxy(settings) -> None:
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"public_urls": ["https://vm.example"]})


def test_this_machine_itself_needs_no_token(client, db):
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert client.get("/metrics", REMOTE_ADDR=address, HTTP_HOST="localhost").status_code == 200


def test_anybody_else_needs_one(client, db):
    response = client.get("/metrics", REMOTE_ADDR=OUTSIDE, HTTP_HOST="localhost")
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert b"kvmweb_" not in response.content


def test_the_loopback_is_nobody_where_a_reverse_proxy_is_set(client, db, behind_a_proxy):
    assert client.get("/metrics", HTTP_HOST="localhost").status_code == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_a_request_that_a_proxy_passed_on_is_not_local(client, db, header):
    response = client.get("/metrics", headers={header: "127.0.0.1", "Host": "localhost"})
    assert response.status_code == 401


def test_a_request_by_a_public_name_is_not_local(client, db, settings):
    settings.ALLOWED_HOSTS = ["vm.example"]
    assert client.get("/metrics", HTTP_HOST="vm.example").status_code == 401


def test_a_claimed_address_does_not_make_local(client, db):
    response = client.get("/metrics", REMOTE_ADDR=OUTSIDE, headers={"X-Forwarded-For": "127.0.0.1"})
    assert response.status_code == 401


def test_an_administrators_token_is_good_from_anywhere(api_of, admin, behind_a_proxy):
    assert api_of(admin).get("/metrics").status_code == 200


def test_mallorys_token_is_refused(api_of, mallory, guest):
    response = api_of(mallory).get("/metrics")
    assert response.status_code == 403
    assert guest.name.encode() not in response.content
    with pytest.raises(Forbidden):
        metrics.registry(actor=Person(mallory))


def test_a_wrong_token_is_refused_even_on_this_machine(client, db):
    headers = {"Authorization": f"Bearer {tokens.PREFIX}wrong", "Host": "localhost"}
    assert client.get("/metrics", headers=headers).status_code == 401


def test_a_session_is_no_token(client, admin):
    client.force_login(admin)
    assert client.get("/metrics", REMOTE_ADDR=OUTSIDE).status_code == 401


def test_guests_hosts_and_jobs_are_in_it(client, guest, job, test_host):
    VM.objects.filter(pk=guest.pk).update(state="running", name='a"b\\c\n<b>')
    recent.record({str(guest.pk): Numbers(cpu_percent=25, memory_used_mib=2)}, {})
    recent.record_host_load(str(test_host.pk), HostLoad(50, 1, 4))
    Host.objects.create(name="b", uri="qemu+tls://b/system", status="away")
    try:
        found = samples(client.get("/metrics", HTTP_HOST="localhost"))
    finally:
        recent.forget(str(guest.pk))
        recent.forget_host(str(test_host.pk))
    of_guest = {"uuid": str(guest.domain_uuid), "name": 'a"b\\c\n<b>', "host": test_host.name}
    assert value(found, "kvmweb_guest_cpu_ratio", **of_guest) == 0.25
    assert value(found, "kvmweb_guest_memory_used_bytes", **of_guest) == 2 * 1024**2
    assert value(found, "kvmweb_guest_disk_read_bytes_per_second", **of_guest) is None
    assert value(found, "kvmweb_guest_info", **of_guest, owner="alice", state="running") == 1
    assert value(found, "kvmweb_guests", state="crashed") == 0
    assert value(found, "kvmweb_host_cpu_ratio", host=test_host.name) == 0.5
    assert value(found, "kvmweb_host_up", host=test_host.name) == 1
    assert value(found, "kvmweb_host_up", host="b") == 0
    assert value(found, "kvmweb_jobs", kind="create-vm", state="failed") == 1
    assert value(found, "kvmweb_jobs", kind="delete-vm", state="running") == 0


def test_sockets_ticks_and_the_process_are_in_it(client, db):
    gauges.tick_seconds.labels("h").observe(0.2)
    found = samples(client.get("/metrics", HTTP_HOST="localhost"))
    assert value(found, "kvmweb_sampler_tick_seconds_count", host="h") >= 1
    assert value(found, "kvmweb_status_sockets") is not None
    assert value(found, "kvmweb_consoles") is not None
    assert value(found, "process_resident_memory_bytes") > 0


def test_it_costs_the_same_three_queries_for_any_number_of_guests(client, define_guest, alice):
    for _each in range(3):
        define_guest(alice)
    with CaptureQueriesContext(connection) as queries:
        client.get("/metrics", HTTP_HOST="localhost")
    assert len(queries) == 3
