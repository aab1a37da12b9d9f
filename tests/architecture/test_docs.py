"""The documents are true: every setting is described, every file they name exists."""

from __future__ import annotations

import re
from pathlib import Path

from kvmweb.env import Env

ROOT = Path(__file__).resolve().parents[2]


def test_every_setting_is_documented_with_its_default():
    text = (ROOT / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `KVMWEB_([A-Z_]+)` \|", text, re.MULTILINE))
    assert documented == {name.upper() for name in Env.model_fields}


def test_every_path_that_the_documents_name_exists():
    missing = []
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for path in re.findall(
            r"`((?:vms|kvmweb|script|tests|docs|static|templates)/[\w./*-]*)`", document.read_text()
        ):
            if "*" not in path and "static/dist" not in path and not (ROOT / path).exists():
                missing.append(f"{document.name}: {path}")
    assert not missing


def test_every_link_between_documents_leads_somewhere():
    broken = []
    for document in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            if not (document.parent / link).exists():
                broken.append(f"{document.name}: {link}")
    assert not broken
