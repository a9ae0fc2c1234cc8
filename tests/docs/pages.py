"""The shell commands of a page, and a shell that types them as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"
_FENCED = re.compile(r"^( *)```sh\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)

# A refused request ends the shell, and every status is told; differences are no failure of
# `guerdon reconcile`, which exits 1 to say that there are some.
_SHELL = r"""
set -euo pipefail
curl() { command curl --fail-with-body -w '%{stderr}<%{http_code}>\n' "$@"; }
guerdon() { command guerdon "$@" || { status=$?; [ "$1 $status" = "reconcile 1" ] || exit 9; }; }
"""


class Typed(NamedTuple):
    """What came of a page's commands."""

    exit_status: int
    output: str
    statuses: list[int]
    """Of every HTTP request, in order."""


def commands(page: str) -> list[str]:
    """The fenced `sh` blocks of a page, in order."""
    return [textwrap.dedent(body) for _, body in _FENCED.findall((DOCS / page).read_text())]


def type_in(folder: Path, *blocks: str, **variables: str) -> Typed:
    """Type them into one shell, in the folder that `guerdon dev` runs in."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GUERDON_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", _SHELL + "\n".join(blocks)],
        cwd=folder,
        env=own | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    statuses = [int(status) for status in re.findall(r"<(\d{3})>", done.stderr)]
    return Typed(done.returncode, f"{done.stdout}\n{done.stderr}", statuses)
