"""One answer of the database for all who ask at about the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import structlog

from vms.streams import threads

Q = TypeVar("Q")
A = TypeVar("A")
log = structlog.get_logger(__name__)


class Together(Generic[Q, A]):
    """Asks `answer_all` about what has gathered while it was busy with the questions before.

    A lone question is asked at once. No answer is older than its question. Belongs to the loop.
    """

    def __init__(self, answer_all: Callable[[Sequence[Q]], Sequence[A]]) -> None:
        self._answer_all = answer_all
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._serving: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """Return the answer to one question, or raise what its own asking raised."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A] = loop.create_future()
        self._waiting.append((question, answer))
        if self._serving is None or self._serving.done():
            self._serving = loop.create_task(self._serve())
        return await answer

    async def _serve(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, []
            try:
                await self._answer(asked)
            except Exception as error:  # one bad question must not end the others' consoles
                await self._answer_one_by_one(asked, error)

    async def _answer(self, asked: list[tuple[Q, asyncio.Future[A]]]) -> None:
        answers = await threads.read(self._answer_all, [question for question, _ in asked])
        for (_question, future), answer in zip(asked, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    async def _answer_one_by_one(
        self, asked: list[tuple[Q, asyncio.Future[A]]], why: Exception
    ) -> None:
        """Hand `why` to the one that was asked alone; else find out whose it is."""
        if len(asked) == 1:
            if not asked[0][1].done():
                asked[0][1].set_exception(why)
            return
        log.warning("asked-one-by-one", count=len(asked), exc_info=why)
        for each in asked:
            try:
                await self._answer([each])
            except Exception as error:  # handed to whoever awaits it
                await self._answer_one_by_one([each], error)
