"""`guerdon evidence verify FILE`: whether a grant's evidence is as it was given out.

Exit status: 0, it holds; 1, a section was changed, which is named; 2, the file cannot be read.
"""

from __future__ import annotations

import sys
from pathlib import Path

from domain.evidence import Evidence, first_wrong


def run(file: Path) -> int:
    """The command; its exit status. It needs no database and no network."""
    try:
        evidence = Evidence.model_validate_json(file.read_bytes())
    except (OSError, ValueError):
        sys.stderr.write(f"guerdon: {file} holds no evidence\n")
        return 2
    wrong = first_wrong(evidence)
    if wrong:
        print(f"Section {wrong} is not as it was written.")
        return 1
    print(f"{len(evidence.sections)} sections of {evidence.grant_id} hold.\nHead: {evidence.head}")
    return 0
