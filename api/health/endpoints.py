"""Health checks and metrics, for operators."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta
from hmac import compare_digest
from typing import Literal

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.http.access import Allowed
from api.http.problems import problem, responses
from api.http.resources import Held, Resources
from api.metrics import (
    DOUBLE_ORDERS,
    LANE_STOPPED,
    PARKED,
    UNSENT,
    UNSENT_SECONDS,
    WEBHOOKS_FAILING,
    WORK_FAILING,
    WORKFLOWS_IDLE,
    WORKFLOWS_MISSING,
)
from domain.roles import Role
from store.health import backlog, double_orders, schema_fits
from store.outage import is_outage
from store.providers import lane_queries as lanes
from store.recovery import watch
from store.recovery.failing import failing as failing_work
from store.tables import FailingWork
from store.webhooks import queries as webhooks

router = APIRouter(tags=["Health"])

_OPERATORS = Allowed(frozenset({Role.OPERATOR}), None)
PATIENCE = 3.0
"""Seconds that a check may take."""


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Everything that the API needs answers."""

    status: Literal["ready"] = "ready"
    checks: dict[str, Literal["ok"]] = Field(
        examples=[{"database": "ok", "temporal": "ok", "migrations": "ok"}]
    )
    details: list[str] = []
    """Problems that do not prevent work, with the way out."""


@router.get("/healthz", responses=responses(authenticated=False))
async def check_process() -> Alive:
    """Whether the process answers. Asks nothing else."""
    return Alive()


@router.get(
    "/readyz",
    response_model=Ready,
    responses=responses("temporarily_unavailable", authenticated=False),
)
async def check_readiness(held: Held, request: Request) -> Response | Ready:
    """Whether PostgreSQL answers with the right schema, and Temporal answers."""
    checks = {"database": _database(held), "temporal": _temporal(held)}
    answers = await asyncio.gather(*(_in_time(check) for check in checks.values()))
    failed = [
        f"{name}: {answer}" for name, answer in zip(checks, answers, strict=True) if answer != "ok"
    ]
    if failed:
        return problem(request.state.request_id, "temporarily_unavailable", "; ".join(failed))
    async with held.database.reading() as session:
        progress, fails = await watch.latest(session), await failing_work(session)
    return Ready(
        checks={"database": "ok", "migrations": "ok", "temporal": "ok"},
        details=_in_words(progress, fails),
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses=responses("unauthorized", "forbidden", authenticated=False),
)
async def read_metrics(held: Held, request: Request) -> Response:
    """Prometheus' text format, for who has the bearer token GUERDON_METRICS_TOKEN, or the
    credentials of an operator or admin."""
    await _may_read_metrics(held, request)
    try:
        async with held.database.reading() as session:
            behind = await backlog(session)
            doubled = await double_orders(session)
            stopped, parked = await lanes.stops(session), await lanes.parked(session)
            failing = await webhooks.failing(session)
            progress, fails = await watch.latest(session), await failing_work(session)
    except Exception as error:
        if not is_outage(error):
            raise
    else:
        DOUBLE_ORDERS.set(doubled)
        UNSENT.set(behind.waiting)
        UNSENT_SECONDS.set(behind.oldest.total_seconds())
        WEBHOOKS_FAILING.set(failing)
        WORKFLOWS_MISSING.set(progress.missing)
        WORKFLOWS_IDLE.set(progress.idle)
        _show(stopped, parked, fails)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _may_read_metrics(held: Resources, request: Request) -> None:
    """Routes, volumes and providers' names are confidential. Raises Unauthorized or Forbidden."""
    token = held.settings.metrics_token
    given = request.headers.get("authorization", "").encode()
    if token and compare_digest(given, f"Bearer {token.get_secret_value()}".encode()):
        return
    _OPERATORS.must_include(await held.keyring.authenticate(request))


def _show(stopped: dict[str, lanes.Stop], parked: dict[str, int], fails: list[FailingWork]) -> None:
    """Only what is stopped, parked or failing now: the lines of past reasons are removed."""
    WORK_FAILING.clear()
    for (activity, error), count in _by_cause(fails).items():
        WORK_FAILING.labels(activity, error).set(count)
    LANE_STOPPED.clear()
    for provider, stop in stopped.items():
        LANE_STOPPED.labels(provider, stop.reason).set(1)
    PARKED.clear()
    for reason, count in parked.items():
        PARKED.labels(reason).set(count)


def _by_cause(fails: list[FailingWork]) -> Counter[tuple[str, str]]:
    return Counter((each.activity, each.error) for each in fails)


def _in_words(progress: watch.Found, fails: list[FailingWork]) -> list[str]:
    missing, idle = progress
    return [
        *([f"{missing} workflows are missing: run guerdon recover"] if missing else []),
        *([f"{idle} workflows run for nothing: guerdon recover ends them"] if idle else []),
        *(
            f"{count} workflows fail at {activity} with {error}, and not for an outage: "
            "guerdon recover --dry-run lists them"
            for (activity, error), count in sorted(_by_cause(fails).items())
        ),
    ]


async def _database(held: Resources) -> str:
    return "ok" if await schema_fits(held.database) else "run guerdon migrate"


async def _temporal(held: Resources) -> str:
    await held.temporal.service_client.check_health(timeout=timedelta(seconds=PATIENCE))
    return "ok"


async def _in_time(check: Awaitable[str]) -> str:
    """The check's result; a check that hangs must not hide the others' results."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await check
    except TimeoutError:
        return "no answer in time"
    except Exception as error:
        return type(error).__name__
