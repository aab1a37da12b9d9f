"""Every text that a person reads can be translated, and is: in every language that is offered."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils.formats import get_format

from tests.support import catalogue
from vms import accounttexts, messages

ROOT = Path(__file__).resolve().parents[2]
OTHERS = [code for code, _name in settings.LANGUAGES if code != "en"]
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%|</?\w[^>]*>|\n")


def path_of(language: str, root: Path = ROOT) -> Path:
    return root / "locale" / language / "LC_MESSAGES" / "django.po"


@pytest.fixture
def gather(tmp_path, monkeypatch):
    """Gather the messages of the sources into a copy of a language's catalogue."""

    def make(language: str) -> Path:
        for name in ("vms", "templates"):
            ignored = shutil.ignore_patterns("*.pyc")
            shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
        copy = path_of(language, tmp_path)
        copy.parent.mkdir(parents=True)
        if path_of(language).exists():
            shutil.copy(path_of(language), copy)
        monkeypatch.chdir(tmp_path)
        call_command("makemessages", locale=[language], verbosity=1, no_obsolete=True)
        return copy

    return make


def test_the_catalogue_gathers_every_sentence_without_a_complaint(gather, capsys):
    english = {text for message in catalogue.read(gather("fr")) for text in message.english}
    said = capsys.readouterr()
    assert said.err == ""
    assert "warning" not in said.out.lower()
    tables = (messages.SENTENCES, messages.ACTIONS, accounttexts.SENTENCES, accounttexts.ACTIONS)
    assert {str(text) for table in tables for text in table.values()} <= english


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_of_the_sources_has_a_translation_and_no_other_has(gather, language):
    gathered = catalogue.read(gather(language))
    assert gathered
    missing = [each.english[0] for each in gathered if each.is_fuzzy or not all(each.texts)]
    assert missing == []
    kept = {each.english for each in catalogue.read(path_of(language))}
    assert kept == {each.english for each in gathered}


@pytest.mark.parametrize("language", OTHERS)
def test_translations_have_the_placeholders_tags_and_lines_of_the_message(language):
    wrong = []
    for message in catalogue.read(path_of(language)):
        last = len(message.english) - 1
        for number, text in enumerate(message.texts):
            english = message.english[min(number, last)]
            if signs(text) != signs(english) or edges(text) != edges(english):
                wrong.append((english, text))
    assert wrong == []


def signs(text: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(text))


def edges(text: str) -> tuple[bool, bool]:
    """Say whether there are blanks at the ends, where parts of a sentence are joined."""
    return text[:1].isspace(), text[-1:].isspace()


@pytest.mark.parametrize("language", OTHERS)
def test_numbers_and_dates_are_written_as_the_fields_of_browsers_read_them(language):
    assert get_format("DECIMAL_SEPARATOR", lang=language) == "."
    assert get_format("DATE_INPUT_FORMATS", lang=language)[0] == "%Y-%m-%d"
    assert get_format("DATETIME_INPUT_FORMATS", lang=language)[0].startswith("%Y-%m-%d")
    assert get_format("THOUSAND_SEPARATOR", lang=language) == ","
