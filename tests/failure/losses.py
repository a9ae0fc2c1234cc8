"""PostgreSQL set back to a backup."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cli.stack import postgres
from cli.stack.stack import Stack


def back_up(stack: Stack) -> Path:
    """A base backup of PostgreSQL, taken while everything runs."""
    backup = stack.home / "backup"
    program = postgres._binary("pg_basebackup")
    options = ("--pgdata", str(backup), "--checkpoint=fast", "--wal-method=stream")
    subprocess.run([program, *options, "--dbname", stack.urls.database], check=True)
    return backup


def set_back(stack: Stack, backup: Path) -> None:
    """PostgreSQL is what it was at the backup. Nobody works meanwhile."""
    stack.stop("postgres")
    data = stack.home / "postgres"
    owner = data.stat()
    shutil.rmtree(data)
    backup.rename(data)
    for each in (data, *data.rglob("*")):
        os.chown(each, owner.st_uid, owner.st_gid)
    stack.start("postgres")
