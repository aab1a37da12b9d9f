"""Tests leave the home of a real installation alone."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings


def test_tests_have_a_home_of_their_own() -> None:
    assert Path(os.environ["KVMWEB_HOME"]).resolve() == settings.KVMWEB.home
    assert settings.KVMWEB.home != settings.BASE_DIR / "var"
