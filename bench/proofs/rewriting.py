"""Takes a lock or a guard out of the product's SQL from the outside: a proof that a test would
notice. Statements are rewritten on their way to the driver; the product knows nothing of it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlalchemy.engine import Engine


class Rewrite(NamedTuple):
    """A pattern in a statement's text, and what stands in its place."""

    pattern: str
    replacement: str


UNLOCKED_PROGRESS = Rewrite(
    r"^(INSERT INTO referrer_progress .*) ON CONFLICT \(.*?\) DO UPDATE SET .*? RETURNING (.*)$",
    r"WITH made AS (\1 ON CONFLICT DO NOTHING RETURNING \2) SELECT * FROM made"
    r" UNION ALL SELECT \2 FROM referrer_progress"
    r" WHERE campaign_id = $1::VARCHAR AND referrer_id = $2::VARCHAR",
)
"""The referrer's progress is read, and not locked."""


def rewrite(*rules: Rewrite, on: Any = Engine) -> Counter[str]:
    """Rewrite every statement of this process from now on, or those `on` one engine; counts what
    each pattern hit."""
    hits: Counter[str] = Counter()
    compiled = [(re.compile(rule.pattern, re.DOTALL), rule) for rule in rules]

    def change(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> tuple[str, Any]:
        for pattern, rule in compiled:
            statement, found = pattern.subn(rule.replacement, statement)
            hits[rule.pattern] += found
        return statement, parameters

    event.listen(on, "before_cursor_execute", change, retval=True)
    return hits
