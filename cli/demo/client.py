"""The demo's API client: it sends what a backend service would, and nothing else."""

from typing import Any

import httpx

from cli.stack.state import DevInfo


class DemoFailed(Exception):
    """The demo did not end as expected; the message says what was different."""


def connect(info: DevInfo) -> httpx.AsyncClient:
    """A client of the stack's API with its credentials."""
    if info.api is None:
        raise DemoFailed("the stack runs without an API")
    headers = {"X-App-Id": info.app_id, "X-App-Token": info.app_token}
    return httpx.AsyncClient(base_url=info.api.url, headers=headers, timeout=30)


async def post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST a body; return the answer's, or raise DemoFailed with the API's own words."""
    return _object(await client.post(path, json=body))


async def get(client: httpx.AsyncClient, path: str, **query: str | int) -> dict[str, Any]:
    """GET an object; return it, or raise DemoFailed with the API's own words."""
    return _object(await client.get(path, params=query))


async def everything(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    """All items of a list, page after page."""
    items: list[dict[str, Any]] = []
    page = await get(client, path, limit=100)
    items += page["data"]
    while page.get("has_more"):
        page = await get(client, path, limit=100, starting_after_id=items[-1]["id"])
        items += page["data"]
    return items


def _object(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise DemoFailed(f"{asked} answered {answer.status_code}: {answer.text}")
    body: dict[str, Any] = answer.json()
    return body
