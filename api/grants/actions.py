"""Asking the workflow that carries a grant to do something: Temporal Updates, by name."""

from __future__ import annotations

import asyncio

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.messages import StaffRequest
from domain.refusals import NotAllowedInState, Unavailable

PATIENCE = 5.0
"""Seconds that a person waits for a worker to answer."""


async def ask(
    client: Client, workflow_id: str, update: str, request: StaffRequest, *, id: str
) -> None:
    """Send the update and wait for its acceptance. The same `id` again has no further effect.

    Raises NotAllowedInState when the workflow refuses or has ended, Unavailable when nobody
    answers in time; the request may then still be carried out.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            handle = client.get_workflow_handle(workflow_id)
            await handle.execute_update(update, request, id=id)
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        words = cause.message if isinstance(cause, ApplicationError) else str(cause)
        raise NotAllowedInState(words) from None
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NotAllowedInState(
                "The referral's workflow has ended: nothing is left to do for this grant."
            ) from None
        raise Unavailable("The workflow engine does not answer. Try again.") from None
    except (TimeoutError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError):
        # RuntimeError is how a lazy client says that it cannot connect.
        raise Unavailable("No worker answered in time. Try again.") from None
