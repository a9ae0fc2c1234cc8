"""What can happen to the worker: killed while the provider holds its request, or paused past its
claim. The worker is a process of its own, and the signals are real."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select
from sqlmodel import col

from domain.messages import Next
from store.tables import Order
from tests.conformance.ordering_lane import PATIENT, TIMING, Again
from tests.conformance.scene import Scene


async def killed_when_received(scene: Scene) -> None:
    """SIGKILL while the provider has the request and has not begun."""
    await _killed_at(scene, "received")


async def killed_when_committed(scene: Scene) -> None:
    """SIGKILL while the order is in the book and its answer is not out."""
    await _killed_at(scene, "committed")


async def killed_when_answered(scene: Scene) -> None:
    """SIGKILL once the answer is out, before it is written down: the order's row is locked."""
    grant_id = await scene.grant()
    await scene.side.hold("committed")
    with scene.attempt_process(grant_id, PATIENT).running() as worker:
        await scene.side.holding()
        async with scene.database.transaction() as tx:
            await tx.session.execute(
                select(Order).where(col(Order.grant_id) == grant_id).with_for_update()
            )
            await scene.side.answer_what_is_held()
            worker.kill()
    await scene.side.release()
    assert (await scene.order(grant_id)).provider_order_id is None
    await _succeed(scene, grant_id)


async def paused_before_sending(scene: Scene) -> None:
    """SIGSTOP between the claim and the request; awake again, the worker must not send."""
    grant_id = await scene.grant()
    with scene.attempt_process(grant_id, TIMING, stops=True).running() as worker:
        assert await worker.says() == "stopping"
        await asyncio.sleep(TIMING.claim.total_seconds())
        await scene.lane.to_rest(grant_id)
        asked = await scene.side.count("attempted")
        worker.wake()
        assert "almost lapsed" in await worker.says()
    assert await scene.side.count("attempted") == asked


async def paused_while_asking(scene: Scene) -> None:
    """SIGSTOP while the provider holds the request, which it reads after the successor's; the
    worker wakes up to an answer, or to its own time-out."""
    grant_id = await scene.grant()
    await scene.side.hold("received")
    with scene.attempt_process(grant_id, PATIENT).running() as worker:
        await scene.side.holding()
        worker.pause()
        await scene.lapse(grant_id)
        await scene.lane.to_rest(grant_id)
        await scene.side.release()
        worker.wake()
        assert await worker.says() in (Next.REST, Next.FOLLOW)


async def _killed_at(scene: Scene, point: str) -> None:
    grant_id = await scene.grant()
    await scene.side.hold(point)
    with scene.attempt_process(grant_id, PATIENT).running() as worker:
        await scene.side.holding()
        worker.kill()
    await scene.side.release()
    await _succeed(scene, grant_id)


async def _succeed(scene: Scene, grant_id: str) -> None:
    """The dead worker's claim is waited out; then another one resolves what it left."""
    with pytest.raises(Again, match="another attempt holds"):
        await scene.lane.place(grant_id, attempt=2)
    await scene.lapse(grant_id)
    await scene.lane.to_rest(grant_id)
