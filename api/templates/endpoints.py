"""Templates of messages."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.http.access import PROGRAMME, READERS, Caller, Calling
from api.http.lists import Windowed
from api.http.parameters import TemplatePath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.templates.schemas import (
    Preview,
    PreviewIn,
    TemplateAnswer,
    TemplateIn,
    TemplateList,
    TemplateVersionAnswer,
    TemplateVersionList,
)
from domain.messaging.liquid import TemplateFault
from domain.messaging.templates import Template
from domain.messaging.variables import SAMPLE
from domain.refusals import Forbidden, InvalidPayload
from domain.roles import Role
from store.messages import rehearse, templates

router = GuardedRouter("/v1/templates", "Messages", roles=PROGRAMME)


@router.post("", "duplicate_found", status_code=201)
async def create_template(body: TemplateIn, caller: Calling, held: Held) -> TemplateAnswer:
    """Create a template. It must render in every language, with sample data and where little is
    known."""
    async with held.database.transaction() as tx:
        made = await templates.create(tx, body.template, caller.actor)
    return await _answer(held, made)


@router.post("/ready", status_code=201)
async def add_ready_templates(held: Held) -> TemplateList:
    """Add the ready templates whose names are free: invitation, friend joined, reward on its way,
    reward here, address needed, reward withdrawn, one friend to the next tier, card not
    claimed."""
    async with held.database.transaction() as tx:
        made = await templates.add_ready(tx)
    found = [await held.database.read(templates.find, one) for one in made]
    return TemplateList(
        data=[TemplateAnswer.of(one) for one in found], total=len(found), has_more=False
    )


@router.get("", roles=READERS)
async def list_templates(held: Held, window: Windowed) -> TemplateList:
    """Templates, newest first."""
    found, page = await held.database.read(templates.page, window)
    return TemplateList.of([TemplateAnswer.of(one) for one in found], page)


@router.get("/{template_id}", "resource_not_found", roles=READERS)
async def get_template(
    template_id: TemplatePath,
    held: Held,
    version: Annotated[int | None, Query(ge=1, description="An older version.")] = None,
) -> TemplateAnswer:
    """One template, as it is sent now."""
    return await _answer(held, template_id, version)


@router.get("/{template_id}/versions", "resource_not_found", roles=READERS)
async def list_template_versions(template_id: TemplatePath, held: Held) -> TemplateVersionList:
    """Its versions. The log says which one a message was sent with."""
    template = await held.database.read(templates.find, template_id)
    found = await held.database.read(templates.versions, template.row.id)
    data = [TemplateVersionAnswer.model_validate(one) for one in found]
    return TemplateVersionList(data=data, total=len(data))


@router.put("/{template_id}", "resource_not_found", "duplicate_found", "not_allowed_in_state")
async def change_template(
    template_id: TemplatePath, body: TemplateIn, caller: Calling, held: Held
) -> TemplateAnswer:
    """Write a new version, which is sent from now on. The channel stays."""
    read = await held.database.read(templates.find, template_id)
    async with held.database.transaction() as tx:
        await templates.change(tx, read.row.id, body.template, caller.actor)
    return await _answer(held, read.row.id)


@router.delete("/{template_id}", "resource_not_found", "not_allowed_in_state", status_code=204)
async def delete_template(template_id: TemplatePath, held: Held) -> None:
    """Delete a template that no distribution sends. The log keeps its versions."""
    read = await held.database.read(templates.find, template_id)
    async with held.database.transaction() as tx:
        await templates.remove(tx, read.row.id)


@router.post("/{template_id}/preview", "resource_not_found", roles=[*PROGRAMME, Role.SUPPORT])
async def preview_template(
    template_id: TemplatePath, caller: Calling, held: Held, body: PreviewIn | None = None
) -> Preview:
    """The message that a reader would get, with sample data or a grant's. Nothing is sent."""
    read = await held.database.read(templates.find, template_id)
    try:
        return await _previewed(read.template, body or PreviewIn(), caller, held)
    except TemplateFault as fault:
        raise InvalidPayload(f"The template cannot be rendered: {fault}.") from None


async def _previewed(template: Template, asked: PreviewIn, caller: Caller, held: Held) -> Preview:
    if asked.grant_id is None:
        return Preview.of(template.render(SAMPLE, asked.language), [])
    if not caller.sees_persons:
        raise Forbidden(f"Persons are masked for the role {caller.role}: use sample data.")
    url = str(held.settings.public_url)
    async with held.database.rehearsal() as tx:
        return Preview.of(
            *await rehearse.preview(tx, template, asked.grant_id, asked.language, url)
        )


async def _answer(held: Held, ref: str, version: int | None = None) -> TemplateAnswer:
    return TemplateAnswer.of(await held.database.read(templates.find, ref, version))
