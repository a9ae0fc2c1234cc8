"""`guerdon recover`: starts the workflow of everything that is open and has none.

Exit status: 0, all that is open has a workflow; 1, something could not be started, or with
`--dry-run` something is missing; 2, it could not be done."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from cli.surroundings import bar, find_surroundings, one_line_errors, run_and_leave
from providers.registry import open_configured
from store.database import Database
from store.outbox.messages import redrive
from store.recovery.failing import failing
from store.recovery.idle import Idle, idle_workflows, stop
from store.recovery.recover import Tally, recover, recover_referrals
from store.recovery.transaction_ids import catch_up, lag
from store.tables import FailingWork
from store.temporal.client import AWAY, connect
from worker.catalogues import keep_catalogues
from worker.register import prepare

_YOUNG = timedelta(minutes=1)
"""A workflow younger than this may belong to something that was just committed."""


class Outcome(NamedTuple):
    """What was done, or with `--dry-run` would be."""

    tallies: dict[str, Tally]
    idle: list[Idle]
    sent: int
    """Accepted messages that Temporal did not have yet."""
    behind: int
    """How far the database's transaction counter was behind the stored facts."""
    fails: list[FailingWork]
    """What fails repeatedly, and not for lack of a workflow."""


def run(*, dry_run: bool) -> int:
    """Run the command; return its exit status."""
    with one_line_errors():
        url = find_surroundings()
        try:
            outcome = run_and_leave(_recover(url, dry_run=dry_run))
        except AWAY as error:
            typer.echo(f"guerdon: Temporal cannot be worked with: {error}", err=True)
            return 2
    _show(outcome, dry_run=dry_run)
    wrong = sum(tally.failed for tally in outcome.tallies.values())
    missing = sum(tally.started for tally in outcome.tallies.values())
    return int(wrong > 0 or (dry_run and missing > 0))


async def _recover(url: str, *, dry_run: bool) -> Outcome:
    async with AsyncExitStack() as opened:
        database = Database(url, pool=4)
        opened.push_async_callback(database.dispose)
        client = await connect()
        if dry_run:
            return await _rebuild(database, client, behind=await lag(database), dry_run=True)
        behind = await catch_up(database)
        await prepare()
        providers = open_configured(within=10)
        for each in providers.values():
            opened.push_async_callback(each.provider.close)
        await keep_catalogues(client, providers)
        return await _rebuild(database, client, behind=behind, dry_run=False)


async def _rebuild(database: Database, client: Client, *, behind: int, dry_run: bool) -> Outcome:
    with bar() as progress:
        task = progress.add_task("open", rows=0, total=None)
        tallies = await recover(
            database,
            client,
            dry_run=dry_run,
            tell=lambda done, total: progress.update(task, completed=done, rows=done, total=total),
        )
    idle = await idle_workflows(database, client, older_than=_YOUNG)
    fails = await database.read(failing)
    if dry_run:
        return Outcome(tallies, idle, 0, behind, fails)
    follow_up = partial(recover_referrals, database, client)
    sent = await redrive(database, client, older_than=timedelta(0), follow_up=follow_up)
    await stop(client, idle)
    return Outcome(tallies, idle, sent, behind, fails)


def _show(outcome: Outcome, *, dry_run: bool) -> None:
    shown = Table(title="Open by the facts", title_justify="left")
    shown.add_column("")
    for heading in ("open", "running", "missing" if dry_run else "started", "failed"):
        shown.add_column(heading, justify="right")
    for kind, tally in outcome.tallies.items():
        shown.add_row(kind, *(str(count) for count in tally))
    out = Console()
    out.print(shown)
    unknown = sum(not each.known for each in outcome.idle)
    said = "would be ended" if dry_run else "ended"
    out.print(
        f"{len(outcome.idle)} workflows that nothing is open for {said}, "
        f"{unknown} of them for referrals that the database does not know."
    )
    if outcome.behind:
        said = "is" if dry_run else "was"
        out.print(f"The counter of transactions {said} {outcome.behind} behind the facts.")
    if not dry_run:
        out.print(f"{outcome.sent} accepted messages sent.")
    for each in outcome.fails:
        out.print(
            f"{each.workflow_id} fails at {each.activity} with {each.error} since "
            f"{each.since:%Y-%m-%d %H:%M} UTC; the worker's log says where (activity.unforeseen)."
        )
