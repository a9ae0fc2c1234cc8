"""Removes a lock or a condition from the product's SQL, to prove that a test would notice.
Statements are rewritten on their way to the driver; the product is unchanged."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlalchemy.engine import Engine


class Rewrite(NamedTuple):
    """A pattern in a statement's text, and its replacement."""

    pattern: str
    replacement: str


UNLOCKED_PROGRESS = Rewrite(
    r"^(INSERT INTO referrer_progress .*) ON CONFLICT \(.*?\) DO UPDATE SET .*? RETURNING (.*)$",
    r"WITH made AS (\1 ON CONFLICT DO NOTHING RETURNING \2) SELECT * FROM made"
    r" UNION ALL SELECT \2 FROM referrer_progress"
    r" WHERE campaign_id = $1::VARCHAR AND referrer_id = $2::VARCHAR",
)
"""The referrer's progress is read without a lock."""


def rewrite(*rules: Rewrite, on: Any = Engine) -> Counter[str]:
    """Rewrite every statement of this process from now on, or of the engine `on`; counts the
    matches of each pattern."""
    hits: Counter[str] = Counter()
    compiled = [(re.compile(rule.pattern, re.DOTALL), rule) for rule in rules]

    def change(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> tuple[str, Any]:
        for pattern, rule in compiled:
            statement, found = pattern.subn(rule.replacement, statement)
            hits[rule.pattern] += found
        return statement, parameters

    event.listen(on, "before_cursor_execute", change, retval=True)
    return hits
