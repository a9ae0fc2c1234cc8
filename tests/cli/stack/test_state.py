"""The home: one owner at a time, secrets that last, files that only their owner reads."""

import base64
from pathlib import Path

import pytest

from cli.stack.ports import StackError
from cli.stack.state import Secrets, lock


class TestSecrets:
    def test_are_generated_once(self, tmp_path: Path) -> None:
        assert Secrets.load(tmp_path) == Secrets.load(tmp_path)

    def test_differ_between_homes(self, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        mine, other = Secrets.load(tmp_path), Secrets.load(tmp_path / "other")
        assert mine.database_password != other.database_password
        assert mine.encryption_key != other.encryption_key

    def test_the_encryption_key_has_32_bytes(self) -> None:
        assert len(base64.b64decode(Secrets().encryption_key, validate=True)) == 32

    def test_only_their_owner_reads_them(self, tmp_path: Path) -> None:
        Secrets.load(tmp_path)
        assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600

    def test_a_database_without_its_secrets_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "postgres").mkdir()
        with pytest.raises(StackError, match=r"secrets\.json is gone"):
            Secrets.load(tmp_path)


class TestLock:
    def test_a_home_in_use_names_the_process(self, tmp_path: Path) -> None:
        with lock(tmp_path), pytest.raises(StackError, match=r"in use by another stack \(process"):
            lock(tmp_path)

    def test_a_home_that_was_left_can_be_taken(self, tmp_path: Path) -> None:
        lock(tmp_path).close()
        lock(tmp_path).close()
