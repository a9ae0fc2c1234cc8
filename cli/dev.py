"""`guerdon dev`: the embedded stack in the foreground, until Ctrl-C or SIGTERM."""

import os
import signal
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from cli.stack import Ports, Stack, StackError

out = Console(highlight=False)
# Wider than a narrow terminal instead of wrapped: addresses and keys are copied from here.
wide = Console(highlight=False, width=160)


def run(workers: int) -> int:
    """Run until told to stop; return the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    home = Path(os.environ.get("GUERDON_HOME") or ".guerdon")
    try:
        with Stack(home, Ports.from_environment(), workers=workers, say=_say) as stack:
            wide.print(table(stack))
            out.print("Ctrl-C stops all of it.")
            while True:
                signal.pause()
    except KeyboardInterrupt:
        _say("Stopped.")
        return 0
    except StackError as error:
        out.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        return 1


def table(stack: Stack) -> Table:
    """The table of addresses and keys."""
    info = stack.info
    shown = Table.grid(padding=(0, 2))
    shown.add_column(style="bold")
    shown.add_row("API", stack.urls.api)
    shown.add_row("API documentation", f"{stack.urls.api}/docs")
    shown.add_row("X-App-Id", info.app_id)
    shown.add_row("X-App-Token", info.app_token)
    shown.add_row("Temporal", f"{info.temporal.address} (namespace {info.temporal.namespace})")
    shown.add_row("Temporal UI", info.temporal.ui)
    shown.add_row("Provider simulator", info.simulator.url)
    shown.add_row("PostgreSQL", info.postgres.url)
    shown.add_row("Logs", str(stack.home / "logs"))
    return shown


def _say(line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # A second signal must not interrupt the orderly stop.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
