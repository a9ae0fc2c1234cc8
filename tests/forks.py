"""The server that forks processes for tests. Python has one for each process, with one list of what
it loads: the product, as `cli.stack.forked` does, and what tests run in processes of their own."""

from __future__ import annotations

from cli.stack.forked import CONTEXT, LOADED

FORKS = CONTEXT
FORKS.set_forkserver_preload(
    [*LOADED, "tests.proofs.crew", "store.campaigns.create", "temporalio.testing"]
)
