"""Files under GUERDON_HOME: the lock, the generated secrets, and `dev.json`."""

import base64
import fcntl
import os
import secrets
from pathlib import Path
from typing import IO, Self

from pydantic import BaseModel, Field

from cli.stack.ports import StackError


class Secrets(BaseModel):
    """Generated once, readable only by their owner; without them the stack's data is lost."""

    database_password: str = Field(default_factory=lambda: secrets.token_hex(16))
    encryption_key: str = Field(
        default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode()
    )
    provider_email: str = "dev@guerdon.example"
    provider_token: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    webhook_token: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    """The last part of the addresses for providers' account-wide webhooks."""
    webhook_secret: str = Field(
        default_factory=lambda: f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
    )
    app_id: str | None = None
    app_token: str | None = None

    @classmethod
    def load(cls, home: Path) -> Self:
        """Read the home's secrets, or generate them for a new home."""
        file = home / "secrets.json"
        if file.exists():
            found = cls.model_validate_json(file.read_bytes())
            # What an older home lacks was generated just now, and is saved too.
            found.save(home)
            return found
        if (home / "postgres").exists():
            raise StackError(f"{file} is gone, and {home / 'postgres'} needs it: remove {home}")
        created = cls()
        created.save(home)
        return created

    def save(self, home: Path) -> None:
        """Replace the file atomically."""
        replace_file(home / "secrets.json", self.model_dump_json(indent=1))


class Api(BaseModel):
    url: str
    pid: int


class Worker(BaseModel):
    pids: list[int]


class Temporal(BaseModel):
    address: str
    ui: str
    namespace: str
    pid: int


class Simulator(BaseModel):
    url: str
    pid: int


class Postgres(BaseModel):
    url: str
    pid: int


class DevInfo(BaseModel):
    """`dev.json`: all addresses, credentials and process ids."""

    app_id: str
    app_token: str
    api: Api | None
    """None if the stack was started without the API."""
    worker: Worker
    temporal: Temporal
    simulator: Simulator
    postgres: Postgres


def replace_file(file: Path, text: str) -> None:
    """Replace the file atomically, readable only by its owner."""
    beside = file.with_name(f"{file.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as out:
        out.write(text + "\n")
    beside.replace(file)


def lock(home: Path) -> IO[str]:
    """Lock the home for this process until the file is closed; raise StackError if it is in use."""
    home.mkdir(parents=True, exist_ok=True)
    held = open(home / "lock", "a+", encoding="utf-8")  # noqa: SIM115 - closed by the stack
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.seek(0)
        owner = held.read().strip()
        held.close()
        raise StackError(f"{home} is in use by another stack (process {owner})") from None
    held.truncate(0)
    held.write(f"{os.getpid()}\n")
    held.flush()
    return held
