"""The site on a real PostgreSQL: migrations, races and whatever depends on the database."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.postgres import VARIABLE, running_postgres
from tests.support.site import ROOT

TESTED = ("tests/races", "tests/services/test_quotas.py")
"""What has to be the same on both; script/test runs far more of the tests there."""


@pytest.mark.timeout(900)  # it starts a server and a second pytest
def test_migrations_and_races_end_the_same_on_postgresql():
    with running_postgres() as url:
        own = ("DJANGO_SETTINGS_MODULE", "KVMWEB_HOME")
        environment = {key: value for key, value in os.environ.items() if key not in own}
        environment[VARIABLE] = url
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTED]
        done = subprocess.run(
            command,
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
