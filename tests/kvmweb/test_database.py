"""Which database a site uses, and what is said of a setting that cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from kvmweb import database
from kvmweb.env import Env

HOME = Path("/somewhere")


def test_without_a_setting_it_is_sqlite_in_the_home_with_early_write_locks():
    found = database.settings("", HOME)
    assert found["NAME"] == HOME / "db.sqlite3"
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]


def test_a_url_says_where_postgresql_is():
    url = "postgresql://kvm%40web:p%2Fw@db.example.org:5433/site?sslmode=verify-full"
    found = database.settings(url, HOME)
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["USER"], found["PASSWORD"]) == ("kvm@web", "p/w")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example.org", "5433", "site")
    assert found["OPTIONS"]["sslmode"] == "verify-full"


def test_a_url_may_name_the_directory_of_a_socket():
    found = database.settings("postgresql:///site?host=/run/postgresql", HOME)
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("/run/postgresql", "", "site")


def test_nobody_waits_for_a_lock_for_ever():
    found = database.settings("postgresql:///site", HOME)
    assert "lock_timeout=20s" in found["OPTIONS"]["options"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:secret@h/db", "postgresql://"),
        ("db.sqlite3", "postgresql://"),
        ("postgresql://u:secret@h", "name of the database"),
        ("postgresql://u:secret@h:port/db", "cannot be read"),
    ],
)
def test_a_setting_that_cannot_work_says_why_and_keeps_the_password(monkeypatch, url, said):
    monkeypatch.setenv("KVMWEB_DATABASE_URL", url)
    with pytest.raises(ValidationError) as caught:
        Env()
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
