"""Every text that a person reads can be translated: the catalogue finds all of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.core.management import call_command

from vms import accounttexts, messages

ROOT = Path(__file__).resolve().parents[2]


def test_the_catalogue_gathers_every_sentence_without_a_complaint(tmp_path, monkeypatch, capsys):
    for name in ("vms", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc"))
    (tmp_path / "locale").mkdir()
    monkeypatch.chdir(tmp_path)
    call_command("makemessages", locale=["de"], verbosity=1)
    said = capsys.readouterr()
    assert said.err == ""
    assert "warning" not in said.out.lower()
    catalogue = (tmp_path / "locale/de/LC_MESSAGES/django.po").read_text()
    gathered = catalogue.replace('"\n"', "")
    tables = (messages.SENTENCES, messages.ACTIONS, accounttexts.SENTENCES, accounttexts.ACTIONS)
    for table in tables:
        for text in table.values():
            quoted = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            assert quoted in gathered, quoted
