"""The base of a simulated provider."""

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from starlette.datastructures import Headers, QueryParams

from simulator.book import Order
from simulator.world import World

EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
PHONE = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request. `body` is parsed JSON with decimals as Decimal, or None without a body."""

    headers: Headers
    query: QueryParams
    path: Mapping[str, Any]
    body: Any
    raw: bytes = b""


@dataclass(slots=True)
class Answer:
    """A status and a JSON body (None: empty).

    `order` is the order that the request created or repeated; faults after the commit apply only
    then, and `created` tells the two apart."""

    status: int
    body: Any = None
    order: Order | None = None
    created: bool = False
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Incoming], Answer]


@dataclass(frozen=True, slots=True)
class Call:
    """One endpoint. `orders` marks the calls that faults and holds apply to."""

    method: str
    path: str
    handler: Handler
    orders: bool = False
    public: bool = False


class Refusal(Exception):
    """Raised by a handler to answer an error in the provider's own form."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Provider(ABC):
    """One provider under its own prefix. Handlers are synchronous, so each is atomic."""

    name: ClassVar[str]
    prefix: ClassVar[str]
    statuses: ClassVar[dict[str, str]]
    """The judge's word for an order's state, to the provider's own word."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._running: Counter[str] = Counter()

    @contextmanager
    def running(self, key: str) -> Iterator[None]:
        """Mark a key as in process, from its first check until its answer is ready."""
        self._running[key] += 1
        try:
            yield
        finally:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]

    def in_process(self, key: str) -> bool:
        """Whether another request with this key is still being processed."""
        return self._running[key] > 1

    @abstractmethod
    def calls(self) -> list[Call]:
        """Its endpoints, with paths below `prefix`."""

    @abstractmethod
    def credential(self, incoming: Incoming) -> bool:
        """Whether the credential is well-formed (or the token valid)."""

    @abstractmethod
    def error(self, status: int) -> Answer:
        """This provider's error body for a status that needs no further detail."""

    def forced(self, incoming: Incoming) -> Answer | None:
        """An error that the caller requested, if the provider's sandbox supports that."""
        return None

    def failed_before_commit(self, incoming: Incoming, status: int) -> Answer:
        """The 5xx of a fault before the order is processed."""
        return self.error(status)

    def failed_after_commit(self, order: Order, status: int) -> Answer:
        """The 5xx of a fault although the order is in the book."""
        return self.error(status)

    @abstractmethod
    def key_of(self, incoming: Incoming) -> str:
        """The caller's idempotency key, or empty."""

    @abstractmethod
    def settle(self, order: Order, outcome: str) -> list[int]:
        """Bring the order to its end (not saved here) and return the queued webhook rows."""

    @abstractmethod
    def adopt(self, key: str, amount: int, currency: str) -> Order:
        """An order that nobody placed, for `/_control/tamper`."""

    def funded(self) -> int:
        """New money has come: process waiting orders, and return how many."""
        return 0

    def sign(self, event_id: str, body: bytes) -> dict[str, str]:
        """Headers that prove a webhook's sender; most providers send none."""
        return {}

    def queue_hook(self, url: str | None, event_id: str, body: dict[str, Any]) -> list[int]:
        if not url:
            return []
        return self.world.hooks.enqueue(self.name, url, event_id, json.dumps(body))


def minor(value: Any) -> int | None:
    """Major units as JSON gave them (never a string) to minor units; None when not an amount."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    cents = Decimal(value) * 100
    if not cents.is_finite() or cents != cents.to_integral_value():
        return None
    return int(cents)


def major(amount: int) -> float:
    """Minor units to the JSON number of major units."""
    return amount / 100


def fingerprint(body: Any) -> str:
    """The same for equal JSON, whatever the order of its members."""
    text = json.dumps(body, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
