"""Keeps personal data out of failures in workflow histories: an unexpected error may quote a row or
a request. Only errors with Guerdon's own messages keep them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from domain.messages import FAULT
from domain.refusals import NotAllowedInState, Refusal, Unavailable
from store.outage import is_outage

log = structlog.get_logger(__name__)


class Discretion(Interceptor):
    """Replaces an activity's error by its own message, or by the class of the error."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _DiscreetActivity(next)


class _DiscreetActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except CancelledError:
            raise
        except ApplicationError as error:
            # The message is ours, but not its cause's, which would be stored too: an HTTP library
            # quotes the header that it cannot send.
            raise error from None
        except Refusal as refusal:
            raise _failure(refusal.detail, refusal) from None
        except Exception as error:
            name = type(error).__name__
            log.warning(
                "activity.unforeseen",
                activity=activity.info().activity_type,
                workflow_id=activity.info().workflow_id,
                error=name,
                where=_where(error),
            )
            raise _failure(f"unforeseen {name}", error) from None


def is_fault(error: BaseException) -> bool:
    """Whether a repeat fails the same way until something is fixed: a value, a constraint, our own
    code. Errors with an activity's own message are expected, and are no faults."""
    if isinstance(error, RPCError):
        return error.status in _WRONG_REQUEST
    expected = (ApplicationError, CancelledError, NotAllowedInState, Unavailable)
    return not isinstance(error, expected) and not is_outage(error)


_WRONG_REQUEST = {
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNIMPLEMENTED,
}


def _failure(words: str, error: Exception) -> ApplicationError:
    details = [FAULT] if is_fault(error) else []
    return ApplicationError(words, *details, type=type(error).__name__)


def _where(error: Exception) -> list[str]:
    """File and line of our own last frames, and of the very last: enough to find the fault, without
    any data."""
    frames, trace = [], error.__traceback__
    while trace:
        frames.append((trace.tb_frame.f_code, trace.tb_lineno))
        trace = trace.tb_next
    ours = [frame for frame in frames if _is_ours(frame[0].co_filename)][-3:]
    shown = ours if ours and ours[-1] == frames[-1] else [*ours, frames[-1]]
    return [f"{_named(Path(code.co_filename))}:{line} {code.co_name}" for code, line in shown]


_HOUSE = Path(__file__).parents[2]
_ROOMS = {"domain", "workflows", "activities", "providers", "store", "worker"}


def _named(path: Path) -> str:
    return str(path.relative_to(_HOUSE)) if _is_ours(str(path)) else "/".join(path.parts[-2:])


def _is_ours(filename: str) -> bool:
    """Other packages are installed beside ours."""
    path = Path(filename)
    return path.is_relative_to(_HOUSE) and path.relative_to(_HOUSE).parts[0] in _ROOMS
