"""Runs short database transactions, and retries them through outages of PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from domain.messages import FAULT

Argument = TypeVar("Argument")
Answer = TypeVar("Answer")

_REFUSED = "NotAllowedInState"
_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    maximum_interval=timedelta(seconds=1),
    maximum_attempts=5,
    non_retryable_error_types=[_REFUSED],
)
_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)


class Refused(Exception):
    """The facts do not allow it, and will not on a retry."""


class Failed(Exception):
    """An error that is not an outage, after the retries were given up. The message is the
    failure's."""


async def record(
    activity: Callable[[Any, Argument], Awaitable[Answer]],
    argument: Argument,
    *,
    gives_up: bool = False,
) -> Answer:
    """Run a local activity; during an outage, wait on a durable timer and try again.

    Other errors are retried too, because a deployment may fix them; operators see them meanwhile
    (store/temporal/faults.py). With `gives_up` they raise Failed instead. Raises Refused, and
    nothing else."""
    pause = _PAUSE
    while True:
        try:
            return await workflow.execute_local_activity_method(
                activity,
                argument,
                start_to_close_timeout=timedelta(seconds=5),
                schedule_to_close_timeout=timedelta(seconds=7),
                retry_policy=_RETRY,
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            # The SDK wraps the failure of a regular activity in an ActivityError, and raises that
            # of a local one unwrapped.
            cause = error if isinstance(error, ApplicationError) else error.cause
            if isinstance(cause, ApplicationError) and cause.type == _REFUSED:
                raise Refused from error
            fault = (
                cause if isinstance(cause, ApplicationError) and FAULT in cause.details else None
            )
            if fault and gives_up and workflow.patched("faults-are-parked"):
                raise Failed(fault.message) from error
            workflow.logger.warning("record.postponed", extra={"cause": str(error)})
            await workflow.sleep(pause, summary=_reason(fault))
            # Each round adds to the history, which must last through days of outage.
            pause = min(pause * 2, _LONGEST_PAUSE)


def _reason(fault: ApplicationError | None) -> str:
    return f"fails, and not for an outage: {fault.message}" if fault else "database unavailable"
