"""Short links: they count a visit and lead to the campaign's landing address. For everybody."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.http.parameters import CodePath
from api.http.problems import responses
from api.http.resources import Held
from store.links.visits import follow

router = APIRouter(prefix="/r", tags=["Links"])
_FETCHED_AHEAD = ("purpose", "sec-purpose", "x-purpose", "x-moz")


@router.get(
    "/{code}",
    status_code=302,
    response_class=Response,
    responses=responses("resource_not_found", authenticated=False),
)
async def follow_link(code: CodePath, request: Request, held: Held) -> Response:
    """Lead to the landing address of the code's campaign, and nowhere else. Each call counts as a
    visit, unless a browser fetches the page ahead."""
    ahead = any("prefetch" in request.headers.get(name, "") for name in _FETCHED_AHEAD)
    async with held.database.transaction() as tx:
        address = await follow(tx, code, counts=not ahead)
    return RedirectResponse(address, status_code=302)
