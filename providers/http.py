"""One HTTP exchange with a provider, its failures sorted by whether money can have moved."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from providers.outcomes import NotSent, OutcomeUnknown, ProviderError

_NOTHING_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


async def exchange(
    client: httpx.AsyncClient, request: httpx.Request, *, within: float, creates: bool
) -> httpx.Response:
    """Send `request` once and read the answer whole, within `within` seconds in all.

    Raises NotSent when nothing can have been processed: no connection was made, or the request
    creates nothing. Raises OutcomeUnknown when an order-creating request may have arrived.
    """
    lost: type[ProviderError] = OutcomeUnknown if creates else NotSent
    try:
        async with asyncio.timeout(within):
            return await client.send(request)
    except _NOTHING_LEFT as error:
        raise NotSent(f"no connection to the provider ({type(error).__name__})") from error
    except TimeoutError as error:
        raise lost(f"no answer within {within:g} s") from error
    except httpx.HTTPError as error:
        raise lost(f"the connection broke ({type(error).__name__})") from error


def retry_after(response: httpx.Response) -> timedelta | None:
    """The provider's own wish, when it gives seconds."""
    value = response.headers.get("retry-after", "")
    return timedelta(seconds=int(value)) if value.isdigit() else None


def folded(value: Any) -> Any:
    """A JSON value with every member name in lower case, for providers whose documents and
    servers disagree on case."""
    if isinstance(value, dict):
        return {str(name).lower(): folded(member) for name, member in value.items()}
    if isinstance(value, list):
        return [folded(member) for member in value]
    return value
