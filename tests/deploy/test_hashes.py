"""What pip may install: each pinned version, by the hashes of its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(file: Path) -> dict[str, str]:
    """Versions by name, as PEP 503 writes names."""
    found = _PIN.findall(file.read_text())
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def test_every_pinned_package_has_its_hashes() -> None:
    pinned, hashed = pins(ROOT / "constraints.txt"), pins(ROOT / "deploy" / "hashes" / "dev.txt")
    missing = {name for name, version in pinned.items() if hashed.get(name) != version}
    assert not missing, "run `make hashes`"


@pytest.mark.parametrize("name", ["run.txt", "demo.txt", "dev.txt"])
def test_pip_can_check_them_wherever_it_finds_the_files(name: str) -> None:
    text = (ROOT / "deploy" / "hashes" / name).read_text()
    assert "://" not in text
    for entry in text.split("\n")[1:]:
        assert not _PIN.match(entry) or entry.endswith("\\"), f"no hash: {entry}"
