"""What can go wrong between our request and its answer. Each scenario carries its grants as far
as they go; the judge then looks."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from domain.grants import Attention, GrantStatus
from domain.messages import Next, StaffRequest, Step
from domain.money import Money
from domain.orders import OrderState
from domain.refusals import NotAllowedInState
from providers.outcomes import KeyAlreadyUsed
from store.staff.cancel import cancel
from tests.conformance.ordering_lane import PATIENT, Again
from tests.conformance.scene import Scene


async def _fault(scene: Scene, kind: str) -> None:
    grant_id = await scene.grant()
    await scene.side.fail(**{kind: 1})
    await scene.struck(grant_id)
    await scene.side.fail()
    await scene.lane.to_rest(grant_id)


async def drop_before_send(scene: Scene) -> None:
    """The connection breaks before the provider has read the order."""
    await _fault(scene, "drop_before")


async def drop_after_commit(scene: Scene) -> None:
    """The connection breaks once the order is in the book."""
    await _fault(scene, "drop_after")


async def error_before_commit(scene: Scene) -> None:
    """A 5xx, and no order."""
    await _fault(scene, "error_before")


async def error_after_commit(scene: Scene) -> None:
    """A 5xx, and an order. Runa says that 5xx again for as long as the key lives."""
    await _fault(scene, "error_after")


async def slow_beyond_time_out(scene: Scene) -> None:
    """The answer comes long after nobody waits for it any more."""
    await _fault(scene, "slow")


async def garbage_200(scene: Scene) -> None:
    """A 200 whose body is cut short."""
    await _fault(scene, "garbage")


async def lost_answers_in_a_row(scene: Scene) -> None:
    """More lost answers than any provider lets a key be repeated."""
    grant_id = await scene.grant()
    await scene.side.fail(drop_after=1)
    for attempt in range(1, 9):
        with suppress(Again):
            await scene.lane.place(grant_id, attempt)
    await scene.side.fail()
    await scene.lane.to_rest(grant_id)


async def rate_limit(scene: Scene) -> None:
    """429: refused unread, so the order is as it was."""
    grant_id = await scene.grant()
    await scene.side.put("rate", per_second=1e-9)
    while not await scene.side.count("rate_limited"):
        await _again(scene, grant_id)
    assert (await scene.order(grant_id)).state == OrderState.PREPARED
    await scene.side.put("rate", per_second=None)
    await scene.lane.to_rest(grant_id)


async def unfunded_then_funded(scene: Scene) -> None:
    """The deposit is empty: nothing is bought, and the reason is shown. Giftbit queues the order
    and sends it by itself, so it is followed; elsewhere it is placed once money has come."""
    grant_id = await scene.grant()
    await scene.side.put("funds", amount=1)
    step = await scene.lane.answered(grant_id)
    assert step.attention is Attention.INSUFFICIENT_FUNDS
    parked = await scene.stored(grant_id)
    assert (parked.status, parked.attention) == (GrantStatus.NEEDS_ATTENTION, step.attention)
    assert await scene.side.book() == []
    queued = [row for row in await scene.side.book(every=True) if row["state"] != "failed"]
    assert step.next is (Next.FOLLOW if queued else Next.ATTEND)
    await scene.side.put("funds", amount=1_000_00)
    await scene.lane.to_rest(grant_id)


async def unfunded_after_a_lost_answer(scene: Scene) -> None:
    """The card was bought, its answer lost, and now the deposit is empty."""
    grant_id = await scene.grant()
    await scene.side.fail(drop_after=1)
    await scene.struck(grant_id)
    await scene.side.fail()
    await scene.side.put("funds", amount=1)
    await scene.lane.answered(grant_id)
    await scene.side.put("funds", amount=1_000_00)
    await scene.lane.to_rest(grant_id)


async def bad_credentials_then_good(scene: Scene) -> None:
    """401: the lane stops and says why; mended, the order goes out by itself."""
    grant_id = await scene.grant()
    await scene.side.put("credentials", accept=False, status=401)
    step = await scene.lane.answered(grant_id)
    assert (step.next, step.attention) == (Next.ATTEND, Attention.PROVIDER_MISCONFIGURED)
    assert await scene.side.book(every=True) == []
    await scene.side.put("credentials", accept=True)
    await scene.lane.to_rest(grant_id)


async def two_attempts_at_once(scene: Scene) -> None:
    """Two workers hold the same task: while one of them asks, the other one does not."""
    grant_id = await scene.grant()
    await scene.side.hold("committed")
    with scene.attempt_process(grant_id, PATIENT).running() as worker:
        await scene.side.holding()
        assert "another attempt holds" in await _again(scene, grant_id)
        assert await scene.side.count("attempted") == 1
        await scene.side.release()
        assert await worker.says() == Next.FOLLOW
    await scene.lane.to_rest(grant_id)


async def key_in_progress(scene: Scene) -> None:
    """An earlier request under our key is still being worked on: the provider says so."""
    grant_id = await scene.grant()
    earlier = await scene.claimed(grant_id, timedelta(0))
    await scene.side.hold("committed")
    sending = scene.sending(earlier.request)
    await scene.side.holding()
    while "process" not in await _again(scene, grant_id):
        await asyncio.sleep(0.02)
    await scene.side.release()
    await sending
    await scene.lane.to_rest(grant_id)


async def request_read_late(scene: Scene) -> None:
    """An earlier request of ours lay somewhere on the way, and is read after its successor's."""
    grant_id = await scene.grant()
    earlier = await scene.claimed(grant_id, timedelta(0))
    await scene.side.hold("received")
    sending = scene.sending(earlier.request)
    await scene.side.holding()
    await scene.lane.to_rest(grant_id)
    await scene.side.release()
    with suppress(KeyAlreadyUsed):
        await sending


async def key_conflict(scene: Scene) -> None:
    """The provider has an order under our key, for another amount: a person compares."""
    grant_id = await scene.grant()
    ours = (await scene.claimed(grant_id, timedelta(0))).request
    await scene.sending(ours.model_copy(update={"face": Money(amount=99_00, currency="USD")}))
    step = await scene.lane.to_rest(grant_id)
    assert (step.next, step.after, step.cancellable) == (Next.ATTEND, None, False)


async def cancelled_while_in_doubt(scene: Scene) -> None:
    """Staff would cancel a grant whose card may exist already: that is refused."""
    grant_id = await scene.grant()
    await scene.side.fail(drop_after=1)
    await scene.struck(grant_id)
    await scene.side.fail()
    with suppress(NotAllowedInState):
        async with scene.database.transaction() as tx:
            await cancel(tx, StaffRequest(grant_id=grant_id, actor="app_staff"), "")
    await scene.lane.to_rest(grant_id)


async def _again(scene: Scene, grant_id: str) -> str:
    """The words with which an attempt asks for another one."""
    try:
        step: Step = await scene.lane.place(grant_id)
    except Again as again:
        return str(again)
    raise AssertionError(f"an answer where none was expected: {step!r}")
