"""The page behind a marketing message's unsubscribe link, and RFC 8058's one click.

Opening the link changes nothing: mail scanners open every link. The button, and a mail program's
own, post."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.http.resources import Held
from domain.messaging.unsubscribe import Reader
from store.messages import unsubscribing

router = APIRouter(prefix="/unsubscribe", include_in_schema=False)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<style>:root {{ color-scheme: light dark }} body {{ font: 18px/1.5 system-ui, sans-serif;
max-width: 32em; margin: 4em auto; padding: 0 1em }} button {{ font: inherit; padding: .5em 1em }}
</style></head><body><h1>{title}</h1><p>{words}</p>{more}</body></html>"""
_BUTTON = '<form method="post"><button>Unsubscribe</button></form>'


@router.get("/{token}")
async def show(token: str, held: Held) -> HTMLResponse:
    async with held.database.rehearsal() as tx:
        reader = await unsubscribing.read(tx, token)
    if reader is None:
        return _unknown()
    words = f"You will get no more news and offers {reader.channel.words}."
    return _page("Unsubscribe?", words, more=_BUTTON)


@router.post("/{token}")
async def unsubscribe(token: str, held: Held) -> HTMLResponse:
    async with held.database.transaction() as tx:
        reader: Reader | None = await unsubscribing.unsubscribe(tx, token)
    if reader is None:
        return _unknown()
    words = (
        f"You get no more news and offers {reader.channel.words}. Messages about a reward that you "
        "have earned still reach you."
    )
    return _page("You are unsubscribed", words)


def _unknown() -> HTMLResponse:
    words = "This link is not complete. Copy all of it from the message."
    return _page("Unknown link", words, status=404)


def _page(title: str, words: str, *, more: str = "", status: int = 200) -> HTMLResponse:
    filled = _PAGE.format(title=escape(title), words=escape(words), more=more)
    return HTMLResponse(filled, status_code=status, headers=_HEADERS)
