"""Everything that Temporal stores of a workflow, as one readable text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowHandle

METADATA = "__temporal_workflow_metadata"
"""The query that Temporal's own UI uses for the current details."""


async def everything(client: Client, handle: WorkflowHandle[Any, Any], *queries: str) -> str:
    """Its history, its description, its entry in lists, its answers to these queries."""
    said = await messages(handle)
    listed = client.list_workflows(f"WorkflowId = '{handle.id}'")
    said.extend([execution.raw_info async for execution in listed])
    answers = [str(await handle.query(query)) for query in queries]
    return "\n".join([*map(text_of, said), *answers])


async def messages(handle: WorkflowHandle[Any, Any]) -> list[Message]:
    """Its description and every event of its history."""
    said: list[Message] = [(await handle.describe()).raw_description]
    said.extend([event async for event in handle.fetch_history_events()])
    return said


def text_of(message: Message) -> str:
    """A message's own words, and each of its payloads decoded."""
    return "\n".join([_plain(MessageToJson(message)), *map(_decoded, payloads(message))])


def payloads(message: Message) -> Iterator[Payload]:
    """Every payload anywhere in a message: inputs, results, headers, memo, search attributes,
    summaries, details of failures and markers."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        for part in _parts(value):
            if isinstance(part, Message):
                yield from payloads(part)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, Message):
        return [value]
    return list(value.values()) if hasattr(value, "values") else list(value)


def _decoded(payload: Payload) -> str:
    """The converter's encodings are JSON, plain text and null."""
    text = payload.data.decode()
    encoding = payload.metadata["encoding"].decode()
    assert encoding in ("json/plain", "json/protobuf", "binary/null"), encoding
    return _plain(text) if text else ""


def _plain(text: str) -> str:
    """JSON without its escapes."""
    return json.dumps(json.loads(text), ensure_ascii=False)
