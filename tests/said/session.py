"""The part of pytest: every process notes, and the one that is left in the end searches."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.said.notes import NOTES
from tests.said.searching import Search, search

_PRINTED = ("Captured stdout", "Captured stderr")


def note_printed(report: pytest.TestReport) -> None:
    """What pytest captured of a test."""
    for name, text in report.sections:
        if name.startswith(_PRINTED):
            NOTES.said("log", f"{name} of {report.nodeid}", text)


class Discretion:
    """A plugin. With xdist the controller hears what its workers' tests printed, and the workers
    hear the rest; without it one process does both."""

    def __init__(self, config: pytest.Config) -> None:
        given: dict[str, str] = getattr(config, "workerinput", {})
        self._is_worker = "said" in given
        self._folder = Path(given.get("said") or tempfile.mkdtemp(prefix="guerdon-said-"))
        process = given.get("workerid", "main")
        NOTES.begin(self._folder / f"{process}.notes")
        self._search: Search | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """An xdist worker notes beside us."""
        node.workerinput["said"] = str(self._folder)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """What a test and the processes that it started printed; the last report has it all."""
        if not self._is_worker and report.when == "teardown":
            note_printed(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Nobody says anything any more."""
        NOTES.end()
        if self._is_worker:
            return
        self._search = search(self._folder)
        if self._search.leaks and not session.exitstatus:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """How much was searched, and where something was told."""
        if self._search and self._search.texts:
            terminalreporter.section("discretion")
            terminalreporter.write_line(str(self._search))
            for leak in self._search.leaks:
                terminalreporter.write_line(f"LEAK: {leak}", red=True)

    def pytest_unconfigure(self) -> None:
        """The notes hold secrets, if only made-up ones."""
        NOTES.end()
        if not self._is_worker:
            shutil.rmtree(self._folder, ignore_errors=True)
