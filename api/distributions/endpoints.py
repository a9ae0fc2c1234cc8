"""Distributions: which event makes whom receive which template."""

from __future__ import annotations

import base64
import os

from fastapi import Request

from api.distributions.schemas import (
    DistributionAnswer,
    DistributionIn,
    DistributionList,
    DryRun,
    NewDistributionAnswer,
    Rehearsal,
)
from api.http.access import PROGRAMME, READERS
from api.http.idempotency import keep_encrypted
from api.http.lists import Windowed
from api.http.parameters import DistributionPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from store.messages import distributions
from store.messages.distributions import Target
from store.messages.rehearse import rehearse

router = GuardedRouter("/v1/distributions", "Messages", roles=PROGRAMME)
_REHEARSED = 50


@router.post("", "resource_not_found", "duplicate_found", status_code=201)
async def create_distribution(
    body: DistributionIn, request: Request, held: Held
) -> NewDistributionAnswer:
    """Have people told of what happens from now on. Calls of the channels `sms` and `http` are
    signed as Standard Webhooks say; `webhook-id` is the message's id, by which a receiver tells
    repeats."""
    keep_encrypted(request)
    target = None
    if body.url is not None:
        secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
        target = Target(str(body.url), secret)
    async with held.database.transaction() as tx:
        made = await distributions.create(tx, body.plan, target, held.vault)
    answer = await _answer(held, made)
    return NewDistributionAnswer.model_validate(
        answer.model_dump(by_alias=True) | {"secret": target.secret if target else None}
    )


@router.get("", roles=READERS)
async def list_distributions(held: Held, window: Windowed) -> DistributionList:
    """Distributions, newest first."""
    found, page = await held.database.read(distributions.page, window)
    return DistributionList.of([DistributionAnswer.of(one) for one in found], page)


@router.get("/{distribution_id}", "resource_not_found", roles=READERS)
async def get_distribution(distribution_id: DistributionPath, held: Held) -> DistributionAnswer:
    """One distribution."""
    return await _answer(held, distribution_id)


@router.put("/{distribution_id}", "resource_not_found", "duplicate_found")
async def change_distribution(
    distribution_id: DistributionPath, body: DistributionIn, held: Held
) -> DistributionAnswer:
    """Replace it. While it is off nothing is sent: what falls due then is cancelled. Switched on
    again, it is about what happens from then on."""
    read = await held.database.read(distributions.find, distribution_id)
    url = str(body.url) if body.url else None
    async with held.database.transaction() as tx:
        await distributions.change(tx, read.row.id, body.plan, url)
    return await _answer(held, read.row.id)


@router.delete("/{distribution_id}", "resource_not_found", status_code=204)
async def delete_distribution(distribution_id: DistributionPath, held: Held) -> None:
    """Send nothing more. Its messages stay in the log."""
    read = await held.database.read(distributions.find, distribution_id)
    async with held.database.transaction() as tx:
        await distributions.remove(tx, read.row.id)


@router.post("/{distribution_id}/dry-run", "resource_not_found")
async def rehearse_distribution(distribution_id: DistributionPath, held: Held) -> DryRun:
    """What it would do about the last 50 events of its type, had it been on. Nothing is sent."""
    read = await held.database.read(distributions.find, distribution_id)
    async with held.database.rehearsal() as tx:
        url = str(held.settings.public_url)
        told = await rehearse(tx, read, url, limit=_REHEARSED)
        # Within: what is rolled back cannot be read any more.
        data = [Rehearsal.of(one) for one in told]
    return DryRun(data=data, total=len(data))


async def _answer(held: Held, ref: str) -> DistributionAnswer:
    return DistributionAnswer.of(await held.database.read(distributions.find, ref))
