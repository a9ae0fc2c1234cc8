"""Staff requests, from the HTTP request to the workflow that carries them out.

The facts are checked first, in the transaction that records the request; then by the workflow, in a
Temporal Update of the same id, so that a repeat has no further effect. If the referral's workflow
has ended, an aftercare workflow resumes the grants."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request
from pydantic import BaseModel
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.http.access import Caller, Calling
from api.http.idempotency import HEADER
from api.http.resources import Held, Resources
from domain.ids import aftercare_workflow_id
from domain.messages import (
    AFTERCARE_WORKFLOW,
    BUSY,
    WORKFLOW_QUEUE,
    AftercareStart,
    ReviewRequest,
    StaffRequest,
)
from domain.refusals import NotAllowedInState, Refusal, Unavailable
from domain.staff import Action
from providers.registry import RESENDING
from store.staff import requests
from store.staff.requests import AcceptedRequest, Asking
from store.temporal.client import AWAY

PATIENCE = 5.0
"""Seconds that a person waits for a worker to answer."""
_RPC = timedelta(seconds=10)
REFUSALS = ("resource_not_found", "identity_reused", "not_allowed_in_state")
"""Refusals of the staff routes."""


class Desk(NamedTuple):
    """A request by a member of staff: who asks, and what makes a repeat the same request."""

    held: Resources
    caller: Caller
    identity: str

    async def ask(
        self,
        action: Action,
        note: BaseModel | None,
        *,
        grant_id: str | None = None,
        referral_id: str | None = None,
    ) -> None:
        """Have it done, once, with the content of the note. Raises as `ask` does."""
        said = note.model_dump() if note else {}
        actor, identity = self.caller.actor, self.identity
        await ask(self.held, Asking(action, actor, identity, grant_id, referral_id, **said))


async def _desk(held: Held, caller: Calling, request: Request) -> Desk:
    return Desk(held, caller, request.headers.get(HEADER) or str(request.state.request_id))


AtDesk = Annotated[Desk, Depends(_desk)]
"""A route's parameter for staff requests."""


async def ask(held: Resources, asking: Asking) -> None:
    """Have it done, once. Raises NotFound; NotAllowedInState, which records nothing; Unavailable if
    nobody answers in time: it may then still be carried out."""
    async with held.database.transaction() as tx:
        asked = await requests.ask(tx, asking, RESENDING)
    if asked.done:
        return
    try:
        async with asyncio.timeout(PATIENCE):
            await _send(held.temporal, asked)
    except WorkflowUpdateFailedError as error:
        async with held.database.transaction() as tx:
            await requests.retract(tx, asked.id)
        raise _refusal(error) from None
    except (TimeoutError, *AWAY, WorkflowUpdateRPCTimeoutOrCancelledError):
        raise Unavailable("The workflow engine does not answer. Try again.") from None


async def _send(client: Client, asked: AcceptedRequest) -> None:
    """Send it to the workflow that handles the grants; after its end, to an aftercare workflow."""
    try:
        handle = client.get_workflow_handle(asked.workflow_id)
        await handle.execute_update(asked.asking.action, _message(asked), id=asked.id)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await _begin_aftercare(client, asked)


async def _begin_aftercare(client: Client, asked: AcceptedRequest) -> None:
    start = _start(asked)
    operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        AFTERCARE_WORKFLOW,
        start,
        id=aftercare_workflow_id(start.referral_id, asked.id),
        task_queue=WORKFLOW_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        static_summary=f"Staff: {asked.asking.action}",
    )
    try:
        await client.execute_update_with_start_workflow(
            asked.asking.action,
            _message(asked),
            start_workflow_operation=operation,
            id=asked.id,
            rpc_timeout=_RPC,
        )
    except WorkflowAlreadyStartedError:
        # It ran for this request before, and has ended: the effect is in the facts.
        return


def _message(asked: AcceptedRequest) -> StaffRequest | ReviewRequest:
    asking = asked.asking
    if asking.grant_id is None:
        return ReviewRequest(referral_id=asked.referral_id, actor=asking.actor, request_id=asked.id)
    return StaffRequest(grant_id=asking.grant_id, actor=asking.actor, request_id=asked.id)


def _start(asked: AcceptedRequest) -> AftercareStart:
    message = _message(asked)
    return AftercareStart(
        referral_id=asked.referral_id,
        task=asked.tasks[0],
        more=asked.tasks[1:],
        action=asked.asking.action,
        request=message if isinstance(message, StaffRequest) else None,
        review=message if isinstance(message, ReviewRequest) else None,
    )


def _refusal(error: WorkflowUpdateFailedError) -> Refusal:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == BUSY:
        return Unavailable(cause.message)
    return NotAllowedInState(cause.message if isinstance(cause, ApplicationError) else str(cause))
