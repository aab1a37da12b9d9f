"""The worker's threads on libvirt's test driver: what happens there shows in the rows by itself."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from django.db import IntegrityError
from structlog.testing import capture_logs

from vms.hypervisor import registry, storage
from vms.hypervisor.connection import Lane
from vms.hypervisor.types import HostEvent, VmState
from vms.models import VM, Host, Job, JobState, Pool, Volume
from vms.queue import huey, run_job
from vms.services import hosts
from vms.worker.consumer import ThreadConsumer
from vms.worker.desk import Inbox
from vms.worker.runtime import Runtime

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def quick(settings) -> None:
    settings.KVMWEB = settings.KVMWEB.model_copy(
        update={"sample_interval_s": 0.2, "reconcile_interval_s": 1.0}
    )


@pytest.fixture
def runtime(quick):
    """The whole worker; it is stopped, and its threads are gone, at the end of the test."""
    huey.immediate = False
    before = set(threading.enumerate())
    running = Runtime()
    yield running
    running.stop()
    left = [t for t in set(threading.enumerate()) - before if not t.name.startswith("libvirt")]
    for thread in left:
        thread.join(3)
    assert [t.name for t in left if t.is_alive()] == []


@pytest.fixture
def virsh(test_host):
    """virsh(function) runs a function with a connection of its own to the same driver."""
    domain_uuid = str(VM.objects.get(libvirt_name="test").domain_uuid)
    link = hosts.connection(test_host)

    def run(action):
        return link.call(Lane.VERBS, lambda conn: action(conn.lookupByUUIDString(domain_uuid)))

    yield run
    again = hosts.connection(test_host)
    state = again.call(Lane.VERBS, lambda conn: conn.lookupByUUIDString(domain_uuid).isActive())
    if not state:
        again.call(Lane.VERBS, lambda conn: conn.lookupByUUIDString(domain_uuid).create())


def state_of(name: str = "test") -> str:
    return VM.objects.values_list("state", flat=True).get(libvirt_name=name)


def test_what_virsh_does_shows_within_a_second(runtime, test_host, virsh, eventually) -> None:
    runtime.start()
    eventually(lambda: "test" in VM.objects.values_list("libvirt_name", flat=True))
    for act, state in (
        (lambda domain: domain.suspend(), VmState.PAUSED),
        (lambda domain: domain.resume(), VmState.RUNNING),
        (lambda domain: domain.destroy(), VmState.OFF),
        (lambda domain: domain.create(), VmState.RUNNING),
    ):
        virsh(act)
        eventually(lambda state=state: state_of() == state.value, 1)


def test_a_domain_that_comes_and_goes_gets_and_loses_its_row(
    runtime, test_host, eventually
) -> None:
    runtime.start()
    xml = (
        "<domain type='test'><name>fleeting</name><memory unit='MiB'>8</memory>"
        "<os><type>hvm</type></os></domain>"
    )
    link = hosts.connection(test_host)
    link.call(Lane.VERBS, lambda conn: conn.defineXML(xml).create())
    row = eventually(lambda: VM.objects.filter(libvirt_name="fleeting").first())
    eventually(lambda: state_of("fleeting") == "running")
    link.call(Lane.VERBS, lambda conn: conn.lookupByName("fleeting").undefine())
    eventually(lambda: not VM.objects.get(pk=row.pk).is_persistent)
    link.call(Lane.VERBS, lambda conn: conn.lookupByName("fleeting").destroy())
    eventually(lambda: not VM.objects.filter(pk=row.pk).exists())


def test_a_thousand_events_in_a_second_end_in_rows_that_are_right(
    runtime, test_host, eventually, monkeypatch
) -> None:
    link = hosts.connection(test_host)
    names = [f"burst {number}" for number in range(50)]

    def start(conn) -> None:
        for name in names:
            conn.createXML(
                f"<domain type='test'><name>{name}</name><memory unit='MiB'>8</memory>"
                "<os><type>hvm</type></os></domain>"
            )

    def burst(conn) -> None:
        domains = [conn.lookupByName(name) for name in names]
        for _ in range(10):
            for domain in domains:
                domain.suspend()
                domain.resume()
        for domain in domains[::2]:
            domain.suspend()

    def states() -> dict[str, str]:
        rows = VM.objects.filter(libvirt_name__in=names)
        return dict(rows.values_list("libvirt_name", "state"))

    link.call(Lane.VERBS, start)
    runtime.start()
    eventually(lambda: len(states()) == len(names))
    waiting = []

    def counted(inbox: Inbox, event: HostEvent, put=Inbox.put) -> bool:
        is_taken = put(inbox, event)
        waiting.append(len(inbox._waiting))
        return is_taken

    monkeypatch.setattr(Inbox, "put", counted)
    expected = {name: "running" if number % 2 else "paused" for number, name in enumerate(names)}
    with capture_logs() as logs:
        link.call(Lane.VERBS, burst, timeout_s=20)
        # What the rows say may be right before the last events have come.
        eventually(lambda: len(waiting) >= 1000 and states() == expected, 10)
    assert max(waiting) <= len(names) + 5
    assert len(logs) <= 2, logs


def test_an_event_that_was_missed_is_made_up_for(runtime, test_host, virsh, eventually) -> None:
    runtime.start()
    eventually(lambda: state_of() == "running")
    VM.objects.filter(libvirt_name="test").update(state="off")
    eventually(lambda: state_of() == "running", 3)


def test_pools_and_volumes_are_listed_again(runtime, test_host, eventually) -> None:
    runtime.start()
    storage.create_volume(
        hosts.connection(test_host),
        pool="default-pool",
        name="new.img",
        format="raw",
        capacity_bytes=1 << 20,
    )
    eventually(lambda: Volume.objects.filter(name="new.img").exists())
    assert Pool.objects.filter(host=test_host).exists()


def test_a_host_that_cannot_be_reached_is_away_with_the_reason(runtime, eventually) -> None:
    row = Host.objects.create(name="nowhere", uri="qemu+unix:///system?socket=/no/such/socket")
    runtime.start()
    eventually(lambda: Host.objects.get(pk=row.pk).status == "away", 8)
    row.refresh_from_db()
    assert row.status_code == "host-away"
    assert row.status_since is not None
    assert "socket" in row.status_detail.lower()


def test_one_silent_host_keeps_no_other_one_back(runtime, test_host, virsh, eventually) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        Host.objects.create(name="silent", uri=f"qemu+tcp://127.0.0.1:{port}/system")
        runtime.start()
        virsh(lambda domain: domain.suspend())
        eventually(lambda: state_of() == "paused", 3)
        virsh(lambda domain: domain.resume())
        eventually(lambda: state_of() == "running", 3)


def is_deleted(row: Host) -> bool:
    """Delete a host; not while somebody writes what was listed there."""
    with contextlib.suppress(IntegrityError):
        row.delete()
    return not Host.objects.filter(pk=row.pk).exists()


def test_a_host_that_is_added_is_watched_and_one_that_is_removed_no_more(
    runtime, test_host, eventually, monkeypatch
) -> None:
    monkeypatch.setattr("vms.worker.runtime.LOOK_FOR_HOSTS_S", 0.1)
    test_host.delete()
    runtime.start()
    row = Host.objects.create(name="late", uri="test:///default")
    eventually(lambda: Host.objects.get(pk=row.pk).status == "connected")
    eventually(lambda: is_deleted(row))
    eventually(lambda: not any("late" in t.name for t in threading.enumerate()))
    registry.forget(str(row.pk))


def test_stopping_takes_under_two_seconds_even_with_a_silent_host(runtime, eventually) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        Host.objects.create(name="silent", uri=f"qemu+tcp://127.0.0.1:{port}/system")
        runtime.start()
        eventually(lambda: any("sampler silent" in t.name for t in threading.enumerate()))
        began_s = time.monotonic()
        runtime.stop()
        assert time.monotonic() - began_s < 3
    eventually(lambda: not any("silent" in t.name for t in threading.enumerate()), 20)


def test_jobs_run_soon_and_in_other_threads(
    runtime, test_host, alice, template, eventually
) -> None:
    from vms.policy import Person
    from vms.services import machines

    runtime.start()
    request = machines.CreateRequest(template_id=template.pk, name="by job")
    vm, job = machines.create(actor=Person(alice), request=request)
    eventually(lambda: not Job.objects.get(pk=job.pk).is_open, 10)
    assert Job.objects.get(pk=job.pk).state == JobState.SUCCEEDED
    made = VM.objects.get(pk=vm.pk)
    assert not made.is_creating
    eventually(lambda: VM.objects.get(pk=vm.pk).vm_state is VmState.RUNNING)


def test_a_job_that_was_running_at_the_end_is_marked_interrupted(
    runtime, test_host, eventually
) -> None:
    vm = VM.objects.get(libvirt_name="test")
    job = Job.objects.create(kind="delete-vm", vm=vm, state=JobState.RUNNING)
    runtime.start()
    eventually(lambda: Job.objects.get(pk=job.pk).state == JobState.INTERRUPTED)
    assert VM.objects.filter(pk=vm.pk).exists()


def test_the_consumer_leaves_signals_alone_and_stops_at_once(quick) -> None:
    import signal

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    huey.immediate = False
    consumer = ThreadConsumer()
    consumer.start()
    began_s = time.monotonic()
    consumer.finish(1.0)
    assert time.monotonic() - began_s < 1
    assert {number: signal.getsignal(number) for number in before} == before
    assert all(thread.daemon for _worker, thread in consumer.worker_threads)


def test_a_job_is_claimed_once_however_often_it_is_queued(test_host, monkeypatch) -> None:
    from vms.services import job_kinds

    runs: list[object] = []
    monkeypatch.setitem(job_kinds.KINDS, "create-vm", job_kinds.Kind(runs.append))
    job = Job.objects.create(kind="create-vm")
    run_job(str(job.pk))
    run_job(str(job.pk))
    assert len(runs) == 1
    assert Job.objects.get(pk=job.pk).state == JobState.SUCCEEDED


def test_a_handler_that_breaks_ends_its_job_as_failed(test_host, monkeypatch) -> None:
    from vms.services import job_kinds

    def broken(_job: Job) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setitem(job_kinds.KINDS, "create-vm", job_kinds.Kind(broken))
    job = Job.objects.create(kind="create-vm")
    run_job(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "internal")
    assert "a bug" not in str(job.error_params)
