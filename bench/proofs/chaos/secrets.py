"""Searches a run's output for personal data and bearer values: every log line of every process,
every payload of every history, every refusal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client, WorkflowExecution, WorkflowHandle

from bench.proofs.books import rows
from bench.proofs.chaos.programme import CANARY, DIALLED
from bench.proofs.needles import Needles
from bench.proofs.saying import messages, payloads, text_of
from cli.stack.stack import Stack
from store.access.vault import Vault
from store.database import Database
from store.tables import ClaimLink, Order

_AT_ONCE = 8
_NAMED = {"app_id"}
"""Values of the stack that are not secret."""


@dataclass
class Search:
    """What was searched, and a sentence for each leak, without the secret itself."""

    needles: int = 0
    lines: int = 0
    workflows: int = 0
    payloads: int = 0
    problems: int = 0
    leaks: list[str] = field(default_factory=list)

    def look(self, where: str, text: str, needles: Needles) -> None:
        """Search one text."""
        kinds = sorted({needles.kinds[needle] for needle in needles.found_in(text)})
        self.leaks += [f"{where} holds {kind}" for kind in kinds]


async def needles_of(stack: Stack, database: Database) -> Needles:
    """Every secret value of this run."""
    own = stack.secrets.model_dump(exclude=_NAMED, exclude_none=True)
    vault, claims = Vault(stack.environment["GUERDON_ENCRYPTION_KEYS"]), list[dict[str, str]]()
    for claim in await rows(database, ClaimLink):
        claims.append(json.loads(vault.decrypt(claim.ciphertext, claim.order_id)))
    links = [claim["link"] for claim in claims]
    return Needles(
        {
            "a person, or a caller's own word": [CANARY],
            "a phone number": [DIALLED, DIALLED.lstrip("+")],
            "the address of a webhook": [order.hook_token for order in await rows(database, Order)],
            "a claim link": [*links, *(link.rpartition("/")[2] for link in links)],
            "a challenge answer": [claim["challenge_answer"] or "" for claim in claims],
            **{f"the stack's {name}": [value] for name, value in own.items()},
        }
    )


async def search(stack: Stack, client: Client, problems: list[str], needles: Needles) -> Search:
    """Search logs, histories and problems."""
    result = Search(needles=needles.number, problems=len(problems))
    for log in sorted((stack.home / "logs").glob("*.log")):
        _log(result, log, needles)
    for number, problem in enumerate(problems):
        result.look(f"problem {number}", problem, needles)
    executions = [each async for each in client.list_workflows()]
    result.workflows = len(executions)
    turns = asyncio.Semaphore(_AT_ONCE)
    await asyncio.gather(*(_history(result, client, each, needles, turns) for each in executions))
    return result


def _log(result: Search, log: Path, needles: Needles) -> None:
    with log.open(errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            result.lines += 1
            result.look(f"{log.name}, line {number},", line, needles)


async def _history(
    result: Search,
    client: Client,
    execution: WorkflowExecution,
    needles: Needles,
    turns: asyncio.Semaphore,
) -> None:
    async with turns:
        handle: WorkflowHandle[object, object] = client.get_workflow_handle(
            execution.id, run_id=execution.run_id
        )
        for message in await messages(handle):
            result.payloads += len(list(payloads(message)))
            result.look(f"the history of {execution.id}", text_of(message), needles)
