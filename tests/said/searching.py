"""Searches everything that a run of the tests has said for everything that it must not say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.proofs.needles import Needles
from tests.said.notes import Note, Planted, Said, Secret, Unopened, written


@dataclass
class Search:
    """What was searched, and what was found: a sentence each, without the secret itself."""

    needles: int = 0
    texts: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    payloads: int = 0
    leaks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.needles} secrets searched for in {self.lines} log lines, {self.payloads} "
            f"payloads of {self.texts['history']} histories and {self.texts['problem']} problems"
        )


def search(folder: Path) -> Search:
    """Over the notes of every process, in two readings: first what to search for."""
    secrets: dict[str, set[str]] = {}
    planted: set[str] = set()
    for note in _notes(folder):
        match note:
            case Secret():
                secrets.setdefault(note.kind, set()).add(note.value)
            case Planted():
                planted.add(note.where)
    needles = Needles(secrets)
    found = Search(needles=needles.number)
    for note in _notes(folder):
        _look(found, note, needles, planted)
    found.leaks = sorted(set(found.leaks))
    return found


def _look(found: Search, note: Note, needles: Needles, planted: set[str]) -> None:
    match note:
        case Said() | Unopened() if note.where in planted:
            pass
        case Unopened():
            found.leaks.append(f"{note.where}: no key opens it, so it could not be searched for")
        case Said():
            found.texts[note.place] += 1
            found.lines += note.text.count("\n") if note.place == "log" else 0
            found.payloads += note.parts
            found.leaks += _told(note, needles)


def _told(said: Said, needles: Needles) -> Iterator[str]:
    where = needles.blotted(said.where)
    for line, needle in needles.lines(said.text):
        at = f"{where}, line {line}," if said.place == "log" else where
        yield f"{at} holds {needles.kinds[needle]}"


def _notes(folder: Path) -> Iterator[Note]:
    for file in sorted(folder.glob("*.notes")):
        yield from written(file)
