"""The glossary stays short, and each of its words names something in the code."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "workflows", "activities", "providers", "store", "api", "worker")

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "glossary.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| word ")
]


@pytest.fixture(scope="module")
def code() -> str:
    return "\n".join(path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_the_glossary_has_at_most_forty_words_and_each_of_them_once() -> None:
    words = [word for word, _, _ in ROWS]
    assert 0 < len(words) <= 40
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(("word", "meaning", "name"), ROWS, ids=[row[0] for row in ROWS])
def test_a_word_is_explained_in_one_sentence(word: str, meaning: str, name: str) -> None:
    assert meaning.endswith(".")
    assert ". " not in meaning


@pytest.mark.parametrize(("word", "meaning", "name"), ROWS, ids=[row[0] for row in ROWS])
def test_a_word_names_something_in_the_code(word: str, meaning: str, name: str, code: str) -> None:
    assert name.strip("`") in code
