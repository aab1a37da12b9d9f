"""What the server does not carry about."""

from __future__ import annotations

import subprocess
import sys

SAYS = """
import sys, django
django.setup()
import vms.queue
print([name for name in ("redis", "psycopg", "psycopg2") if name in sys.modules])
import psycopg
print(psycopg.connect.__name__)
"""


def test_the_queue_loads_no_driver_that_it_does_not_use(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SAYS],
        env={"DJANGO_SETTINGS_MODULE": "kvmweb.settings", "KVMWEB_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == ["[]", "connect"]
