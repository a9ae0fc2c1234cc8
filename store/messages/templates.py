"""Templates and their versions. A message is sent with the newest one, and its log names it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from domain.ids import Prefix, new_id
from domain.messaging.liquid import TemplateFault
from domain.messaging.ready.catalogue import READY
from domain.messaging.templates import Template
from domain.refusals import AlreadyExists, InvalidPayload, NotAllowedInState, existing
from store.database import ReadSession, Transaction
from store.lists.pages import AnySelect, Page, Window, read_page
from store.tables import MessageDistribution, MessageTemplate, TemplateVersion

_STANDS = col(MessageTemplate.deleted_at).is_(None)


class TemplateRead(NamedTuple):
    """A template's row, and what it says in one version."""

    row: MessageTemplate
    template: Template
    version: int


async def create(tx: Transaction, template: Template, actor: str | None) -> str:
    """Return its id. Raises AlreadyExists for a name that is taken, InvalidPayload for a template
    that cannot be rendered."""
    _must_render(template)
    template_id = new_id(Prefix.TEMPLATE)
    row = MessageTemplate(
        id=template_id, name=template.name, channel=template.channel, created_at=tx.now
    )
    tx.session.add(row)
    await flush_named(tx, "template", template.name)
    _add_version(tx, template_id, 1, template, actor)
    tx.record("template.created", "Template created", data={"template_id": template_id})
    return template_id


async def change(tx: Transaction, template_id: str, template: Template, actor: str | None) -> None:
    """Write a new version. Raises NotFound, AlreadyExists, InvalidPayload, and NotAllowedInState
    for another channel: distributions rely on it."""
    _must_render(template)
    row = await _locked(tx, template_id)
    if row.channel != template.channel:
        raise NotAllowedInState(
            f"It is a template for {row.channel}. Create another one for {template.channel}."
        )
    row.name, row.version, row.updated_at = template.name, row.version + 1, tx.now
    await flush_named(tx, "template", template.name)
    _add_version(tx, template_id, row.version, template, actor)
    data = {"template_id": template_id, "version": row.version}
    tx.record("template.updated", "Template changed", data=data)


async def remove(tx: Transaction, template_id: str) -> None:
    """Raises NotFound, and NotAllowedInState while a distribution sends it."""
    row = await _locked(tx, template_id)
    using = select(col(MessageDistribution.name)).where(
        col(MessageDistribution.template_id) == template_id,
        col(MessageDistribution.deleted_at).is_(None),
    )
    if (name := await tx.session.scalar(using.limit(1))) is not None:
        raise NotAllowedInState(f"The distribution {name!r} sends it. Change or delete that first.")
    row.deleted_at = tx.now
    tx.record("template.deleted", "Template deleted", data={"template_id": template_id})


async def add_ready(tx: Transaction) -> list[str]:
    """Add the ready templates whose names are free; return the ids of the new ones."""
    taken = set(await tx.session.scalars(select(col(MessageTemplate.name)).where(_STANDS)))
    missing = [one.template for one in READY if one.template.name not in taken]
    return [await create(tx, template, None) for template in missing]


async def find(session: ReadSession, ref: str, version: int | None = None) -> TemplateRead:
    """By id or name, in its newest or an older version. Raises NotFound."""
    row = existing(await session.scalar(_named(ref)), "template", ref)
    wanted = version or row.version
    stored = await session.get(TemplateVersion, (row.id, wanted))
    found = existing(stored, "version of the template", str(wanted))
    return TemplateRead(row, Template.model_validate(found.template), wanted)


async def id_of(tx: Transaction, ref: str, field: str) -> MessageTemplate:
    """The template with this id or name. Raises NotFound."""
    return existing(await tx.session.scalar(_named(ref)), "template", ref, field=field)


async def newest(tx: Transaction, template_id: str) -> TemplateRead:
    """What is sent now, also of a deleted one: its last messages are on their way."""
    row = await tx.session.get_one(MessageTemplate, template_id)
    stored = await tx.session.get_one(TemplateVersion, (template_id, row.version))
    return TemplateRead(row, Template.model_validate(stored.template), row.version)


async def page(session: ReadSession, window: Window) -> tuple[list[TemplateRead], Page]:
    """Templates, newest first."""
    statement: AnySelect = (
        select(MessageTemplate, TemplateVersion).join(TemplateVersion, _its_newest()).where(_STANDS)
    )
    found = await read_page(session, statement, col(MessageTemplate.id), window)
    reads = [
        TemplateRead(row, Template.model_validate(stored.template), row.version)
        for row, stored in found.rows
    ]
    return reads, found


async def versions(session: ReadSession, template_id: str) -> list[TemplateVersion]:
    """All versions, newest first."""
    statement = select(TemplateVersion).where(col(TemplateVersion.template_id) == template_id)
    found = await session.scalars(statement.order_by(col(TemplateVersion.version).desc()))
    return list(found)


def _its_newest() -> ColumnElement[bool]:
    return (col(TemplateVersion.template_id) == MessageTemplate.id) & (
        col(TemplateVersion.version) == MessageTemplate.version
    )


def _named(ref: str) -> Select[MessageTemplate]:
    is_id = col(MessageTemplate.id) == ref
    either = or_(is_id, col(MessageTemplate.name) == ref)
    return select(MessageTemplate).where(either, _STANDS).order_by(is_id.desc()).limit(1)


async def _locked(tx: Transaction, template_id: str) -> MessageTemplate:
    statement = select(MessageTemplate).where(col(MessageTemplate.id) == template_id, _STANDS)
    return existing(await tx.session.scalar(statement.with_for_update()), "template", template_id)


async def flush_named(tx: Transaction, what: str, name: str) -> None:
    """Write what has this name. Raises AlreadyExists: a unique index says so."""
    try:
        await tx.session.flush()
    except IntegrityError:
        raise AlreadyExists(f"There is a {what} {name!r} already.", field="/name") from None


def _add_version(
    tx: Transaction, template_id: str, version: int, template: Template, actor: str | None
) -> None:
    tx.session.add(
        TemplateVersion(
            template_id=template_id,
            version=version,
            template=template.model_dump(mode="json", exclude_none=True),
            actor=actor,
            created_at=tx.now,
        )
    )


def _must_render(template: Template) -> None:
    try:
        template.must_render()
    except TemplateFault as fault:
        raise InvalidPayload(f"The template cannot be rendered: {fault}.") from None
