"""Faults at given rates, the same ones for the same seed.

The n-th order-creating call at a provider gets the same fault in every run with that seed, whatever
its key: each draw is a hash of (seed, provider, fault, n), and n survives a kill. Faults apply to
calls that create orders and to outgoing webhooks, never to `/_control`; with `"reads": true` also
to every other call, in a sequence of its own. Each fault is drawn separately; of several, the first
in `ORDER_FAULTS` happens."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from simulator.database import Database
from simulator.settings import Settings

ORDER_FAULTS = ("drop_before", "error_before", "drop_after", "error_after", "slow", "garbage")
HOOK_FAULTS = ("webhook_lost", "webhook_duplicate", "webhook_reorder", "webhook_early")


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault of one call. `kind` is one of `ORDER_FAULTS`, or empty."""

    kind: str = ""
    status: int = 500
    slow_seconds: float = 0.0
    early: bool = False


@dataclass(frozen=True, slots=True)
class HookFault:
    """The fault of one outgoing webhook. A late one is overtaken by later ones."""

    lost: bool = False
    duplicate: bool = False
    late_seconds: float = 0.0


class Faults:
    """Draws faults at the rates that `PUT /_control/faults` has set."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._db = database
        self._settings = settings

    def for_order(self, provider: str) -> Fault:
        return self._draw_for(provider, "orders", whose=provider)

    def for_read(self, provider: str) -> Fault:
        """For a call that creates no order: none, unless the setting requests it."""
        if not self._settings.get("faults", provider).get("reads"):
            return Fault()
        return self._draw_for(provider, "reads", whose=f"{provider} reads")

    def _draw_for(self, provider: str, sequence: str, *, whose: str) -> Fault:
        setting = self._settings.get("faults", provider)
        if not any(setting["rates"].values()):
            return Fault()
        n = self._db.next_draw(provider, sequence)
        kind = next((kind for kind in ORDER_FAULTS if _hits(setting, whose, kind, n)), "")
        statuses = setting["statuses"]
        return Fault(
            kind,
            statuses[int(_draw(setting, whose, "status", n) * len(statuses))],
            setting["slow_seconds"],
            _hits(setting, whose, "webhook_early", n),
        )

    def for_hook(self, provider: str) -> HookFault:
        setting = self._settings.get("faults", provider)
        if not any(setting["rates"].get(kind) for kind in HOOK_FAULTS):
            return HookFault()
        n = self._db.next_draw(provider, "hooks")
        reorder = _hits(setting, provider, "webhook_reorder", n)
        return HookFault(
            _hits(setting, provider, "webhook_lost", n),
            _hits(setting, provider, "webhook_duplicate", n),
            0.5 + 1.5 * _draw(setting, provider, "delay", n) if reorder else 0.0,
        )

    def put(self, provider: str | None, value: dict[str, Any]) -> None:
        """Replace all rates, and restart the sequence."""
        with self._db.transaction():
            self._settings.put("faults", provider, value)
            self._db.execute(
                "DELETE FROM draws WHERE provider = coalesce(?, provider)", (provider,)
            )


def _hits(setting: dict[str, Any], provider: str, kind: str, n: int) -> bool:
    return _draw(setting, provider, kind, n) < float(setting["rates"].get(kind, 0))


def _draw(setting: dict[str, Any], provider: str, kind: str, n: int) -> float:
    """A number in [0, 1)."""
    text = f"{setting['seed']}:{provider}:{kind}:{n}"
    # 53 bits, so that the largest value does not round up to 1.
    return (int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 11) / 2**53
