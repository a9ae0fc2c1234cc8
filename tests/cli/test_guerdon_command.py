"""The command line: help everywhere, an exit status, and settings named when they are missing."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.dev_process import GUERDON

CUSTOMERS = Path(__file__).with_name("customers.csv")
COMMANDS = (
    "dev",
    "demo",
    "api",
    "worker",
    "simulator",
    "migrate",
    "keys",
    "keys create",
    "keys rotate",
    "import customers",
    "import codes",
    "export",
    "reconcile",
    "ledger verify",
    "ledger recount",
    "evidence verify",
)
WITH_DATABASE = (
    "migrate",
    "keys create --role admin",
    "keys rotate",
    "ledger verify",
    f"import customers {CUSTOMERS}",
    f"import codes Spring {__file__}",
    "export customer",
)


def guerdon(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("GUERDON_")}
    return subprocess.run(
        [GUERDON, *arguments],
        env=own | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = guerdon(*command.split(), "--help")
    assert done.returncode == 0
    assert "Usage: guerdon" in done.stdout


def test_the_help_lists_every_command() -> None:
    said = guerdon("--help").stdout
    assert all(command.split()[0] in said for command in COMMANDS)


def test_an_unknown_command_is_refused() -> None:
    assert guerdon("dance").returncode == 2


def test_an_unknown_role_is_refused() -> None:
    done = guerdon("keys", "create", "--role", "king", GUERDON_DATABASE_URL="postgresql://x/y")
    assert done.returncode == 2


@pytest.mark.parametrize("command", [*WITH_DATABASE, "api", "worker"])
def test_a_missing_setting_is_named_in_one_line(command: str) -> None:
    done = guerdon(*command.split(), GUERDON_PUBLIC_URL="http://127.0.0.1:1")
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert "GUERDON_DATABASE_URL" in done.stderr


@pytest.mark.parametrize("command", [*WITH_DATABASE, "api", "worker"])
def test_a_malformed_setting_is_named_without_its_value(command: str) -> None:
    settings = {"GUERDON_PUBLIC_URL": "http://127.0.0.1:1", "GUERDON_ENCRYPTION_KEYS": "k1:x"}
    done = guerdon(*command.split(), GUERDON_DATABASE_URL="mysql://u:secret@h/d", **settings)
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert "GUERDON_DATABASE_URL" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("command", ["api", "worker", "keys rotate"])
def test_a_malformed_encryption_key_is_refused_without_its_value(command: str) -> None:
    settings = {
        "GUERDON_PUBLIC_URL": "http://127.0.0.1:1",
        "GUERDON_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d",
        "GUERDON_ENCRYPTION_KEYS": "k1:c2VjcmV0",
    }
    done = guerdon(*command.split(), **settings)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "GUERDON_ENCRYPTION_KEYS" in done.stderr
    assert "c2VjcmV0" not in done.stderr


@pytest.mark.parametrize("command", WITH_DATABASE)
def test_a_database_that_is_away_is_said_in_one_line(command: str) -> None:
    settings = {"GUERDON_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d"}
    settings["GUERDON_ENCRYPTION_KEYS"] = f"k1:{'A' * 43}="
    done = guerdon(*command.split(), **settings)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("guerdon: ")]
    assert line.startswith("guerdon: PostgreSQL does not answer: ")
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_a_database_that_refuses_is_said_in_one_line(postgres_url: str) -> None:
    settings = {"GUERDON_DATABASE_URL": postgres_url.rpartition("/")[0] + "/nothing"}
    settings["GUERDON_ENCRYPTION_KEYS"] = f"k1:{'A' * 43}="
    done = guerdon("keys", "create", "--role", "admin", **settings)
    assert done.returncode == 2
    assert 'guerdon: PostgreSQL says: database "nothing" does not exist' in done.stderr
    assert "Traceback" not in done.stderr
