"""The `guerdon` command in a process of its own that notes what it says: arguments are the file
for its notes, then the command's own. The stack of `guerdon demo` is gone when the command is."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import TracebackType
from unittest.mock import patch

from cli.main import main
from cli.stack.stack import Stack
from tests.said.gathering import gather_stack
from tests.said.listening import listen
from tests.said.notes import NOTES
from tests.stacks import note_logs


def tell_stacks() -> None:
    """Every stack of this process is noted before it stops."""
    stop = Stack.__exit__

    def told(
        stack: Stack,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            asyncio.run(gather_stack(stack.info, stack.secrets))
        stop(stack, kind, error, trace)
        note_logs(stack.home)

    patch.object(Stack, "__exit__", told).start()


if __name__ == "__main__":
    NOTES.begin(Path(sys.argv.pop(1)))
    listen()
    tell_stacks()
    try:
        main()
    finally:
        NOTES.end()
