"""Notes what databases and Temporal servers of the tests hold, before they are thrown away."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import asyncpg
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from cli.stack.state import DevInfo, Secrets
from store.access.vault import Vault
from store.temporal.client import guerdon_plugin
from tests.outgoing_events import check_data, check_types
from tests.said.listening import VAULTS
from tests.said.notes import HISTORY, NOTES, here

_AT_ONCE = 8
_PLAIN = """
SELECT 'an e-mail', email FROM customers UNION
SELECT 'an e-mail', email FROM staff_actions UNION
SELECT 'an e-mail', resent_to FROM orders UNION
SELECT 'an e-mail', request->'recipient'->>'email' FROM orders UNION
SELECT 'a phone number', phone FROM customers UNION
SELECT 'a phone number', request->'recipient'->>'phone' FROM orders UNION
SELECT 'the address of a webhook', hook_token FROM orders
"""
_SEALED = """
SELECT order_id, ciphertext FROM claims UNION ALL
SELECT id, ciphertext FROM signing_secrets
"""
_ENCODING = b"\n\x08encoding\x12"
"""How a payload's encoding begins in protobuf: there is one in each payload."""


async def gather_secrets(url: str) -> None:
    """People and bearer values of a database; its events are checked besides."""
    connection = await asyncpg.connect(url)
    try:
        for kind, value in await connection.fetch(_PLAIN):
            NOTES.secret(kind, value, *([value.lstrip("+")] if value else []))
        for row_id, sealed in await connection.fetch(_SEALED):
            _open(row_id, sealed)
        await check_types(connection)
    finally:
        await connection.close()


async def gather_server_log(url: str) -> None:
    """What PostgreSQL itself logged: it likes to quote the row that breaks a constraint."""
    connection = await asyncpg.connect(url)
    try:
        data = Path(await connection.fetchval("SHOW data_directory"))
    finally:
        await connection.close()
    NOTES.log(data.with_name("postgres.log"))


def _open(row_id: str, sealed: bytes) -> None:
    for vault in VAULTS.values():
        try:
            opened = vault.decrypt(sealed, row_id).decode()
        except ValueError:
            continue
        return _note_sealed(opened)
    return NOTES.unopened(f"row {row_id} of {here()}")


def _note_sealed(opened: str) -> None:
    if not opened.startswith("{"):
        return NOTES.secret("a signing secret", opened)
    claim = json.loads(opened)
    NOTES.secret("a claim link", claim["link"], claim["link"].rpartition("/")[2])
    return NOTES.secret("a challenge answer", claim["challenge_answer"])


async def gather_histories(client: Client, query: str | None = None) -> None:
    """Everything that a Temporal server keeps of its workflows, or of those that are asked for."""
    turns = asyncio.Semaphore(_AT_ONCE)
    executions = [execution async for execution in client.list_workflows(query)]
    found = await asyncio.gather(
        *(_gather_history(client, each, turns) for each in executions), return_exceptions=True
    )
    for error in filter(None, found):
        # A test had the server forget it, and the list does not know yet.
        if not (isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND):
            raise error


async def _gather_history(
    client: Client, execution: WorkflowExecution, turns: asyncio.Semaphore
) -> None:
    async with turns:
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        kept = [execution.raw_info.SerializeToString()]
        if execution.status == WorkflowExecutionStatus.RUNNING:
            kept.append((await handle.describe()).raw_description.SerializeToString())
        kept += [event.SerializeToString() async for event in handle.fetch_history_events()]
    # Protobuf keeps strings and payloads as they are, so that nothing need be decoded.
    whole = b"\n".join(kept)
    text = whole.decode(errors="replace")
    NOTES.said("history", HISTORY.format(execution.id), text, whole.count(_ENCODING))


async def gather_stack(info: DevInfo, secrets: Secrets) -> None:
    """A whole stack, while it still runs."""
    Vault(f"k1:{secrets.encryption_key}")  # heard of, it opens what the stack has sealed
    for name, value in secrets.model_dump(exclude={"app_id"}, exclude_none=True).items():
        NOTES.secret(f"the stack's {name}", value)
    await gather_secrets(info.postgres.url)
    await check_data(info.postgres.url)
    await gather_histories(await Client.connect(info.temporal.address, plugins=[guerdon_plugin]))
