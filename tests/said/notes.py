"""What one process of the tests notes down while they run: everything that was said, and what
must not be. It is compared in the end, when all is known (see searching.py)."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, NamedTuple
from uuid import uuid4

Place = Literal["log", "history", "problem"]
HISTORY = "the history of {}"


class Said(NamedTuple):
    """A text; `where` tells a person where to look. `parts`: payloads of a history."""

    place: Place
    where: str
    text: str
    parts: int = 0


class Secret(NamedTuple):
    """Somebody's own, or a bearer value; `kind` names it without telling it."""

    kind: str
    value: str


class Planted(NamedTuple):
    """A test put there on purpose what must not be found anywhere else."""

    where: str


class Unopened(NamedTuple):
    """Something sealed that no key opens, so that nobody can search for it."""

    where: str


Note = Said | Secret | Planted | Unopened
_KINDS = {kind.__name__: kind for kind in (Said, Secret, Planted, Unopened)}


class Notes:
    """A file of notes. What is said before it begins, as outside of pytest, is not kept."""

    def __init__(self) -> None:
        self._file: IO[str] | None = None
        self._known: set[Secret] = set()
        self._turn = threading.Lock()

    def begin(self, file: Path) -> None:
        """From now on everything goes into this file, with the secrets known by now."""
        self._file = file.open("w", encoding="utf-8", errors="replace")
        for note in self._known:
            self._write(note)

    def beside(self, name: str) -> Path:
        """Where another process may note what is searched with ours."""
        folder = Path(self._file.name).parent if self._file else Path(tempfile.mkdtemp())
        return folder / f"{name}-{uuid4()}.notes"

    def end(self) -> None:
        """Nothing more is noted."""
        if self._file:
            self._file.close()
        self._file = None

    def said(self, place: Place, where: str, text: str, parts: int = 0) -> None:
        self._write(Said(place, where, text, parts))

    def secret(self, kind: str, *values: str | None) -> None:
        """Each is searched for, whatever says it."""
        for value in values:
            note = Secret(kind, value or "")
            if note not in self._known:
                self._known.add(note)
                self._write(note)

    def planted(self, where: str) -> None:
        """What is found exactly there is the test's own."""
        self._write(Planted(where))

    def unopened(self, where: str) -> None:
        """A fault, unless a test has spoiled it on purpose and says so."""
        self._write(Unopened(where))

    def log(self, file: Path) -> None:
        """A process's log file, once the process has ended."""
        if file.exists():
            self.said("log", str(file), file.read_text(errors="replace"))

    def _write(self, note: Note) -> None:
        line = json.dumps([type(note).__name__, *note], ensure_ascii=False)
        with self._turn:
            if self._file:
                self._file.write(f"{line}\n")


NOTES = Notes()
"""This process's."""


def here() -> str:
    """The test that runs, for a person who looks for what said something."""
    return os.environ.get("PYTEST_CURRENT_TEST", "between tests").partition(" (")[0]


def written(file: Path) -> Iterator[Note]:
    """The notes of a file; a process that was killed leaves the last one unfinished."""
    with file.open(encoding="utf-8") as notes:
        for line in notes:
            if line.endswith("\n"):
                name, *parts = json.loads(line)
                yield _KINDS[name](*parts)
