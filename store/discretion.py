"""What may be read of a failure: an unforeseen error can quote a row or a request, and with it a
person, into a workflow's history. Only errors that Guerdon words itself keep their words."""

from __future__ import annotations

from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from domain.refusals import Refusal

log = structlog.get_logger(__name__)


class Discretion(Interceptor):
    """Lets an activity fail with its own words, or with the class of what went wrong."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _DiscreetActivity(next)


class _DiscreetActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except (ApplicationError, CancelledError):
            raise
        except Refusal as refusal:
            raise ApplicationError(refusal.detail, type=type(refusal).__name__) from None
        except Exception as error:
            name = type(error).__name__
            log.warning(
                "activity.unforeseen",
                activity=activity.info().activity_type,
                workflow_id=activity.info().workflow_id,
                error=name,
                where=_where(error),
            )
            raise ApplicationError(f"unforeseen {name}", type=name) from None


def _where(error: Exception) -> list[str]:
    """File and line of the last frames: enough to find the fault, and nobody's data."""
    frames, trace = [], error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-4:]
