"""Records which activities fail for a reason that waiting will not fix."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.messages import FAULT
from store.database import Database
from store.outage import FAILURES
from store.recovery.failing import note_failure, note_success

log = structlog.get_logger(__name__)

_SCHEDULED_AT = re.compile(r"-\d{4}-\d\d-\d\dT[\d:.]+Z$")
"""What Temporal adds to the workflow id of each scheduled run."""
_OFTEN = 3
"""Attempts after which temporary problems have passed."""
_LOCAL, _REGULAR = timedelta(minutes=10), timedelta(hours=2)
"""Twice the longest pause between attempts (workflows/recording.py, workflows/giving.py)."""


class Faults(Interceptor):
    """Records a fault from an activity's third attempt on, until it succeeds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: set[tuple[str, str]] = set()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Noting(next, self._database, self._noted)


class _Noting(ActivityInboundInterceptor):
    def __init__(
        self, next: ActivityInboundInterceptor, database: Database, noted: set[tuple[str, str]]
    ) -> None:
        super().__init__(next)
        self._database, self._noted = database, noted

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        work = _SCHEDULED_AT.sub("", info.workflow_id or ""), info.activity_type
        try:
            answer = await super().execute_activity(input)
        except ApplicationError as error:
            # The same message as failures.Discretion gives, which runs after this one.
            if info.attempt >= _OFTEN and FAULT in error.details:
                await self._note(work, error.type or "", info.is_local)
            raise
        # Another worker may have recorded it.
        if info.attempt > 1 or work in self._noted:
            await self._forget(work)
        return answer

    async def _note(self, work: tuple[str, str], error: str, local: bool) -> None:
        until = _LOCAL if local else _REGULAR
        try:
            await note_failure(self._database, *work, error, until)
        except FAILURES:
            log.warning("faults.record_failed", workflow_id=work[0], activity=work[1], error=error)
        else:
            self._noted.add(work)

    async def _forget(self, work: tuple[str, str]) -> None:
        try:
            await note_success(self._database, *work)
        except FAILURES:
            # It is no longer shown once its time is over.
            log.warning("faults.delete_failed", workflow_id=work[0], activity=work[1])
        self._noted.discard(work)
