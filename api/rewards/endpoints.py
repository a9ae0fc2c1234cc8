"""Reusable rewards: defined once, used in campaigns."""

from __future__ import annotations

from typing import Any

from api.http.access import PROGRAMME, READERS, Calling
from api.http.lists import Windowed
from api.http.parameters import RewardPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.rewards import definitions
from api.rewards.bodies import RewardChangeIn, RewardCreateIn
from api.rewards.schemas import RewardAnswer, RewardList
from domain.rewards import Reward
from store import metadata_schemas
from store.database import Transaction
from store.rewards import queries as reading
from store.rewards.definitions import NewReward, create, delete, lock, update

router = GuardedRouter("/v1/rewards", "Rewards")


@router.post("", roles=PROGRAMME)
async def create_reward(body: RewardCreateIn, caller: Calling, held: Held) -> RewardAnswer:
    """Define a reward that campaigns can name by `reward_id`."""
    async with held.database.transaction() as tx:
        new = NewReward(**_given(body, await _made(tx, held, body)))
        await metadata_schemas.check(tx, "reward", new.attributes)
        reward_id = await create(tx, new, actor=caller.actor)
    return await _answer(held, reward_id)


@router.get("", roles=READERS)
async def list_rewards(held: Held, window: Windowed) -> RewardList:
    """Reusable rewards, newest first."""
    found, page = await held.database.read(reading.page, window)
    return RewardList.of([RewardAnswer.of(read) for read in found], page)


@router.get("/{reward_id}", "resource_not_found", roles=READERS)
async def get_reward(reward_id: RewardPath, held: Held) -> RewardAnswer:
    """One reusable reward."""
    return await _answer(held, reward_id)


@router.put("/{reward_id}", "resource_not_found", roles=PROGRAMME)
async def update_reward(
    reward_id: RewardPath, body: RewardChangeIn, caller: Calling, held: Held
) -> RewardAnswer:
    """Change a definition. Campaigns that use it keep what they copied, until they are edited."""
    async with held.database.transaction() as tx:
        row = await lock(tx, reward_id)
        before = NewReward.model_validate(row, from_attributes=True)
        new = before.model_copy(update=_given(body, await _made(tx, held, body)))
        if body.metadata is not None:
            await metadata_schemas.check(tx, "reward", new.attributes)
        await update(tx, reward_id, new, actor=caller.actor)
    return await _answer(held, reward_id)


@router.delete(
    "/{reward_id}", "resource_not_found", "not_allowed_in_state", roles=PROGRAMME, status_code=204
)
async def delete_reward(reward_id: RewardPath, caller: Calling, held: Held) -> None:
    """Forget a definition. Refused while a live campaign gives it, with the campaigns' names."""
    async with held.database.transaction() as tx:
        await delete(tx, reward_id, actor=caller.actor)


async def _made(tx: Transaction, held: Held, body: RewardChangeIn) -> Reward | None:
    given = body.definition()
    if given is None:
        return None
    maker = await definitions.begin(tx, held.settings.currency, [given[0]])
    reward = maker.make(*given)
    await maker.put_away(tx, held.vault)
    return reward.model_copy(update={"reward_id": None})


def _given(body: RewardChangeIn, reward: Reward | None) -> dict[str, Any]:
    shown = body.attributes.model_dump(mode="json", exclude_none=True) if body.attributes else {}
    given = {"name": body.name, "reward": reward, "attributes": body.metadata, **shown}
    return {name: value for name, value in given.items() if value is not None}


async def _answer(held: Held, reward_id: str) -> RewardAnswer:
    return RewardAnswer.of(await held.database.read(reading.find, reward_id))
