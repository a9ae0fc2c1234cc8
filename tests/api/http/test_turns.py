"""Decides which request is processed next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from api.http.turns import RequestTurns, code_in


@asynccontextmanager
async def _asked(
    turns: RequestTurns, *codes: str | None
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Requests for these codes, each kept until it is cancelled; which hold a turn is asked by
    `_held`."""

    async def request(code: str | None) -> None:
        async with turns.take(code):
            task = asyncio.current_task()
            assert task
            task.set_name("held")
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(request(code), name="waits") for code in codes]
    await asyncio.sleep(0)
    yield tasks
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _held(tasks: list[asyncio.Task[None]]) -> list[int]:
    for _ in range(5):
        await asyncio.sleep(0)
    return [n for n, task in enumerate(tasks) if task.get_name() == "held" and not task.done()]


class TestTurns:
    async def test_one_of_a_code_at_a_time_whatever_else_is_free(self) -> None:
        async with _asked(RequestTurns(10), "hot", "hot", "hot", "other") as tasks:
            assert await _held(tasks) == [0, 3]
            tasks[0].cancel()
            assert await _held(tasks) == [1, 3]

    async def test_a_request_without_a_code_is_not_throttled(self) -> None:
        async with _asked(RequestTurns(3), None, None, None, None) as tasks:
            assert await _held(tasks) == [0, 1, 2]
            tasks[1].cancel()
            assert await _held(tasks) == [0, 2, 3]

    async def test_codes_take_turns(self) -> None:
        async with _asked(RequestTurns(1), "hot", "hot", "hot", "other") as tasks:
            order = []
            for _ in range(4):
                (held,) = await _held(tasks)
                order.append(held)
                tasks[held].cancel()
            assert order == [0, 1, 3, 2]

    async def test_a_cancelled_request_frees_its_turn(self) -> None:
        turns = RequestTurns(1)
        async with _asked(turns, "a", "b", "c") as tasks:
            tasks[1].cancel()
            tasks[0].cancel()
            assert await _held(tasks) == [2]
        async with AsyncExitStack() as all_turns, asyncio.timeout(60):
            await all_turns.enter_async_context(turns.take("a"))

    async def test_one_cancelled_in_the_moment_of_its_turn_gives_it_back(self) -> None:
        turns = RequestTurns(1)
        async with _asked(turns, "a", "b") as tasks:
            tasks[0].cancel()
            await asyncio.sleep(0)
            tasks[1].cancel()
        async with asyncio.timeout(60), turns.take("a"):
            pass


class TestCodeIn:
    @pytest.mark.parametrize(
        ("path", "body", "code"),
        [
            ({"code": "A"}, None, "A"),
            ({}, {"referral": {"code": "A"}}, "A"),
            ({}, {"redeemables": [{"object": "voucher", "id": "A"}]}, "A"),
            ({}, {"code": "A"}, "A"),
            ({}, {"event": "first_purchase"}, None),
            ({}, {"referral": "A"}, None),
            ({}, {"redeemables": []}, None),
            ({}, {"redeemables": {"id": "A"}}, None),
            ({}, {"code": 7}, None),
            ({}, [{"code": "A"}], None),
            ({}, "A", None),
            ({}, None, None),
        ],
    )
    def test_wherever_a_request_names_it(
        self, path: dict[str, Any], body: Any, code: str | None
    ) -> None:
        assert code_in(path, body) == code
