"""/healthz."""

from __future__ import annotations

from django.db import connection
from django.test import Client

from vms.models import Host


def test_healthz_is_ok_for_anybody_also_with_hosts_away(client, test_host):
    Host.objects.create(name="b", uri="qemu+tls://secret.example/system", status="away")
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "hosts": {"connected": 1, "away": 1},
    }
    assert b"secret" not in response.content


def test_healthz_is_503_when_the_database_fails(db):
    def fail(*_arguments: object) -> None:
        from django.db import OperationalError

        raise OperationalError("disk I/O error")

    with connection.execute_wrapper(fail):
        response = Client().get("/healthz")
    assert response.status_code == 503
    assert response.json()["database"] == "failing"
