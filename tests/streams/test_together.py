"""Many consoles that ask at about the same time are answered together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from vms.streams.together import Together


class Answers:
    """Doubles numbers, and remembers what was asked together; the first batch may be held up."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_answer = threading.Event()
        self.is_asked = threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.is_asked.set()
        assert self.may_answer.wait(20)
        if -1 in numbers:
            msg = "no such number"
            raise ValueError(msg)
        return [2 * number for number in numbers]


async def ask_later(looks: Together[int, int], answers: Answers, numbers: list[int]) -> list:
    """Ask for 0, and for the others while that is being answered."""
    first = asyncio.create_task(looks.ask(0))
    assert await asyncio.to_thread(answers.is_asked.wait, 20)
    others = [asyncio.create_task(looks.ask(number)) for number in numbers]
    await asyncio.sleep(0)
    answers.may_answer.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


def test_a_lone_question_is_asked_at_once():
    answers = Answers()
    answers.may_answer.set()
    assert asyncio.run(Together(answers).ask(4)) == 8
    assert answers.batches == [[4]]


def test_what_gathers_during_an_answer_is_asked_together():
    answers = Answers()
    found = asyncio.run(ask_later(Together(answers), answers, [1, 2, 3]))
    assert found == [0, 2, 4, 6]
    assert answers.batches == [[0], [1, 2, 3]]


def test_one_bad_question_fails_alone():
    answers = Answers()
    found = asyncio.run(ask_later(Together(answers), answers, [1, -1, 3]))
    assert [found[1], found[3]] == [2, 6]
    assert isinstance(found[2], ValueError)


def test_a_bad_question_that_was_asked_alone_is_not_asked_again():
    answers = Answers()
    answers.may_answer.set()
    with pytest.raises(ValueError, match="no such number"):
        asyncio.run(Together(answers).ask(-1))
    assert answers.batches == [[-1]]


def test_who_is_gone_does_not_keep_the_others_from_their_answers():
    async def main() -> int:
        looks = Together(answers)
        first = asyncio.create_task(looks.ask(0))
        assert await asyncio.to_thread(answers.is_asked.wait, 20)
        gone, other = (asyncio.create_task(looks.ask(number)) for number in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        answers.may_answer.set()
        await first
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await other

    answers = Answers()
    assert asyncio.run(main()) == 4


def test_it_serves_again_after_its_loop_has_ended():
    answers = Answers()
    answers.may_answer.set()
    looks = Together(answers)
    assert [asyncio.run(looks.ask(number)) for number in (1, 2)] == [2, 4]
