"""Distributions: created, changed, switched on and off."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import col

from domain.feed import Place
from domain.ids import Prefix, new_id
from domain.messaging.channels import Channel
from domain.messaging.distributions import Distribution
from domain.messaging.triggers import event_type
from domain.refusals import InvalidPayload, NotFound, existing
from store.access import signing_secrets
from store.access.vault import Vault
from store.database import ReadSession, Transaction
from store.eligibility import segments
from store.lists.pages import AnySelect, Page, Window, read_page
from store.messages import position, templates
from store.messages.templates import flush_named
from store.tables import Campaign, MessageDistribution

_STANDS = col(MessageDistribution.deleted_at).is_(None)


class Target(NamedTuple):
    """Where a signed HTTP call goes, and the new secret that signs it."""

    url: str
    secret: str


class Planned(NamedTuple):
    """A distribution's row, and what it says."""

    row: MessageDistribution
    plan: Distribution

    @property
    def since(self) -> Place:
        """It is about events behind this place."""
        return Place(self.row.xid, self.row.seq)


async def create(tx: Transaction, plan: Distribution, target: Target | None, vault: Vault) -> str:
    """It is about what happens from now on. Return its id.

    Raises AlreadyExists, NotFound for a campaign, segment or template that does not exist, and
    InvalidPayload where target or template do not belong to the channel."""
    template = await _checked(tx, plan)
    _must_have_target(plan.channel, target is not None)
    place = await position.present(tx)
    row = MessageDistribution(
        id=new_id(Prefix.DISTRIBUTION),
        channel=plan.channel,
        url=target.url if target else None,
        secret_id=await _keep_secret(tx, target, vault),
        xid=place.xid,
        seq=place.seq,
        created_at=tx.now,
        **_columns(plan, template),
    )
    tx.session.add(row)
    await flush_named(tx, "distribution", plan.name)
    _record(tx, "created", row.id)
    return row.id


async def change(
    tx: Transaction, distribution_id: str, plan: Distribution, url: str | None
) -> None:
    """Replace it. Switched on again, it is about what happens from then on. Raises as `create`."""
    row = await _locked(tx, distribution_id)
    if row.channel != plan.channel:
        raise InvalidPayload("The channel stays. Create another distribution.", field="/channel")
    _must_have_target(plan.channel, (url or row.url) is not None)
    template = await _checked(tx, plan)
    if plan.active and not row.active:
        row.xid, row.seq = await position.present(tx)
    row.sqlmodel_update(_columns(plan, template) | {"url": url or row.url, "updated_at": tx.now})
    await flush_named(tx, "distribution", plan.name)
    _record(tx, "updated", distribution_id)


async def remove(tx: Transaction, distribution_id: str) -> None:
    """Send nothing more; what waits is cancelled when it is due. Its log stays. Raises NotFound."""
    row = await _locked(tx, distribution_id)
    row.deleted_at, row.active = tx.now, False
    _record(tx, "deleted", distribution_id)


async def active(session: ReadSession) -> list[Planned]:
    """Those that are switched on."""
    found = await session.scalars(
        select(MessageDistribution).where(col(MessageDistribution.active), _STANDS)
    )
    return [planned(row) for row in found]


async def find(session: ReadSession, ref: str) -> Planned:
    """By id or name. Raises NotFound."""
    is_id = col(MessageDistribution.id) == ref
    named = is_id | (col(MessageDistribution.name) == ref)
    statement = select(MessageDistribution).where(named, _STANDS).order_by(is_id.desc()).limit(1)
    return planned(existing(await session.scalar(statement), "distribution", ref))


async def page(session: ReadSession, window: Window) -> tuple[list[Planned], Page]:
    """Distributions, newest first."""
    statement: AnySelect = select(MessageDistribution).where(_STANDS)
    found = await read_page(session, statement, col(MessageDistribution.id), window)
    return [planned(row[0]) for row in found.rows], found


def planned(row: MessageDistribution) -> Planned:
    return Planned(row, Distribution.model_validate(row.plan))


def _columns(plan: Distribution, template_id: str) -> dict[str, Any]:
    return {
        "name": plan.name,
        "event_type": event_type(plan.trigger),
        "campaign_id": plan.campaign_id,
        "template_id": template_id,
        "plan": plan.model_dump(mode="json", by_alias=True),
        "active": plan.active,
    }


async def _checked(tx: Transaction, plan: Distribution) -> str:
    """The id of its template, after everything that it names was found."""
    template = await templates.id_of(tx, plan.template, "/template")
    if template.channel != plan.channel:
        raise InvalidPayload(
            f"{template.name!r} is a template for {template.channel}, not for {plan.channel}.",
            field="/template",
        )
    if plan.campaign_id and await tx.session.get(Campaign, plan.campaign_id) is None:
        raise NotFound("campaign", plan.campaign_id, field="/campaign_id")
    if plan.audience.segment_id:
        await segments.must_exist(tx, [plan.audience.segment_id], "/audience/segment_id")
    return template.id


def _must_have_target(channel: Channel, given: bool) -> None:
    if channel.repeats_safely != given:
        needs = "needs the address of" if channel.repeats_safely else "has no"
        raise InvalidPayload(f"The channel {channel} {needs} an HTTP call.", field="/url")


async def _keep_secret(tx: Transaction, target: Target | None, vault: Vault) -> str | None:
    if target is None:
        return None
    secret_id = new_id(Prefix.SECRET)
    await signing_secrets.keep(tx, {secret_id: target.secret}, vault)
    await tx.session.flush()
    return secret_id


async def _locked(tx: Transaction, distribution_id: str) -> MessageDistribution:
    statement = select(MessageDistribution).where(
        col(MessageDistribution.id) == distribution_id, _STANDS
    )
    found = await tx.session.scalar(statement.with_for_update())
    return existing(found, "distribution", distribution_id)


def _record(tx: Transaction, what: str, distribution_id: str) -> None:
    title = {"created": "created", "updated": "changed", "deleted": "deleted"}[what]
    tx.record(
        f"distribution.{what}",
        f"Distribution {title}",
        data={"distribution_id": distribution_id},
    )
