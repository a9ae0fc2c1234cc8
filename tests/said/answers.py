"""Listens to HTTP: problems that our API answers, credentials and e-mails that it was sent."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import httpx

from tests.said.notes import NOTES, here

_BEARING = ("x-app-token", "authorization", "accesstoken", "x-api-key")
"""Headers that carry a credential."""


def listen_to_answers() -> None:
    """From now on, to every exchange of this process."""
    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def sent(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        answer = send(client, request, **options)
        if _is_problem(answer):
            answer.read()
        _note(request, answer)
        return answer

    async def sent_async(
        client: httpx.AsyncClient, request: httpx.Request, **options: Any
    ) -> httpx.Response:
        answer = await send_async(client, request, **options)
        if _is_problem(answer):
            await answer.aread()
        _note(request, answer)
        return answer

    patch.object(httpx.Client, "send", sent).start()
    patch.object(httpx.AsyncClient, "send", sent_async).start()


def _is_own(answer: httpx.Response) -> bool:
    """Our API's, and no provider's: every answer of it carries such an id."""
    return str(answer.headers.get("x-request-id")).startswith("req_")


def _is_problem(answer: httpx.Response) -> bool:
    return _is_own(answer) and answer.status_code >= 400


def _note(request: httpx.Request, answer: httpx.Response) -> None:
    for name in _BEARING:
        NOTES.secret("a token", request.headers.get(name, "").rpartition(" ")[2])
    if _is_own(answer):
        NOTES.secret("an e-mail", *mails(_words(request)))
    if _is_problem(answer):
        # A path may name a person.
        where = f"the {answer.status_code} of a {request.method} in {here()}"
        NOTES.said("problem", where, answer.text)


def _words(request: httpx.Request) -> str:
    """What the caller says. A body that was streamed is gone."""
    try:
        body = request.content.decode(errors="replace")
    except httpx.RequestNotRead:
        body = ""
    return f"{request.url.path} {' '.join(request.url.params.values())} {body}"


def mails(text: str) -> list[str]:
    """Everything with an @ in it, also what is no address: nobody's own words are said again."""
    if "@" not in text:
        return []
    for mark in "\"'<>,;/\\{}[]\n\r\t":
        text = text.replace(mark, " ")
    return [word for word in text.split() if "@" in word.strip("@")]
