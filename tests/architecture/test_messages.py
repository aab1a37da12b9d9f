"""Every code that code can raise has a sentence, and every sentence can be filled."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from vms import imagewords, messages, storagewords, templatewords
from vms.hypervisor import errors
from vms.hypervisor.types import AcceleratorReason, Verb, VmState

ROOT = Path(__file__).resolve().parents[2]
RAISERS = {"Problem", "Forbidden", "Refused"}


def _codes() -> set[str]:
    codes: set[str] = set()
    for path in (ROOT / "vms").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in RAISERS
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                codes.add(node.args[0].value)
    return codes


def test_every_problem_that_code_raises_has_a_sentence():
    missing = _codes() - set(messages.SENTENCES)
    assert not missing


def test_every_error_of_a_host_has_a_sentence():
    codes = {
        cls.code
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, errors.HypervisorError)
    }
    assert codes <= set(messages.SENTENCES)


def test_every_verb_state_and_reason_has_words():
    assert all(messages.verb_label(verb) for verb in Verb)
    assert all(messages.state_label(state) for state in VmState)
    assert all(messages.accelerator_reason(reason.value) for reason in AcceleratorReason)


def test_a_sentence_with_missing_parameters_is_still_a_sentence():
    for code, text in messages.SENTENCES.items():
        made = messages.sentence_for(code, {})
        assert re.match(r"\S.*\S\Z", made), (code, text)
        assert "%(" not in made


def test_an_unknown_code_gives_the_sentence_for_internal_errors():
    assert messages.sentence_for("no-such-code") == messages.sentence_for("internal")


def test_sizes_are_written_with_the_largest_fitting_unit():
    assert messages.size(512) == "512 B"
    assert messages.size(1536) == "1.5 KiB"
    assert messages.size(2 << 30) == "2 GiB"
    assert messages.size(5 << 40) == "5.0 TiB"


def test_no_word_is_given_twice():
    """A later dictionary would silently change what an earlier one says."""
    for words in (storagewords, templatewords, imagewords):
        for name in ("SENTENCES", "STEPS", "JOB_KINDS", "ACTIONS"):
            own, all_of_it = getattr(words, name, {}), getattr(messages, name)
            changed = [code for code, text in own.items() if str(all_of_it[code]) != str(text)]
            assert not changed, (words.__name__, name)
