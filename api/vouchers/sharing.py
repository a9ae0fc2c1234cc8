"""What a person needs to share a code: the link, a QR code, and texts."""

from __future__ import annotations

from io import BytesIO
from typing import Annotated, Literal

import segno
from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.http.access import READERS
from api.http.parameters import CodePath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.links import share_texts, share_url
from domain.refusals import NotFound
from store.codes import queries as codes
from store.codes.queries import VoucherRead

router = GuardedRouter("/v1/vouchers", "Codes", roles=READERS)
_TYPES = {"png": "image/png", "svg": "image/svg+xml"}
_PICTURE = {"schema": {"type": "string", "format": "binary"}, "example": "the picture's bytes"}


class ShareAnswer(BaseModel):
    """Ready to be sent to a friend."""

    share_url: str = Field(examples=["https://api.example.com/r/REF-8KZQ7WXP"])
    text: str = Field(examples=["Use my code REF-8KZQ7WXP: https://api.example.com/r/REF-8KZQ7WXP"])
    email: str = Field(
        description="Opens a mail program.", examples=["mailto:?subject=Refer&body=Use%20my%20code"]
    )
    sms: str = Field(description="Opens a text message.", examples=["sms:?&body=Use%20my%20code"])
    whatsapp: str = Field(
        description="Opens WhatsApp.", examples=["https://wa.me/?text=Use%20my%20code"]
    )


@router.get("/{code}/share", "resource_not_found")
async def get_share_texts(code: CodePath, held: Held) -> ShareAnswer:
    """The campaign's text with this code and its link. 404 without a `landing_url`."""
    read = await held.database.read(codes.find_voucher, code)
    link = _link(read, held)
    campaign = read.campaign
    texts = share_texts(campaign.share_text, read.voucher.code, link, campaign.name)
    return ShareAnswer(share_url=link, **texts._asdict())


@router.get(
    "/{code}/qr",
    "resource_not_found",
    response_class=Response,
    responses={200: {"content": {type: dict(_PICTURE) for type in _TYPES.values()}}},
)
async def get_qr_code(
    code: CodePath,
    held: Held,
    format: Annotated[Literal["png", "svg"], Query(description="The picture's format.")] = "png",
    scale: Annotated[int, Query(ge=1, le=40, description="Pixels of one module.")] = 8,
) -> Response:
    """The short link as a QR code. 404 without a `landing_url`."""
    link = _link(await held.database.read(codes.find_voucher, code), held)
    picture = BytesIO()
    segno.make(link, error="m", micro=False).save(picture, kind=format, scale=scale)
    return Response(picture.getvalue(), media_type=_TYPES[format])


def _link(read: VoucherRead, held: Held) -> str:
    if read.campaign.landing_url is None:
        raise NotFound("link", read.voucher.code)
    return share_url(str(held.settings.public_url), read.voucher.code)
