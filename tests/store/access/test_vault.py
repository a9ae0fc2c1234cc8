"""Bearer value at rest: rotation of keys, ciphertexts bound to their rows, malformed keys."""

from __future__ import annotations

import base64

import pytest

from store.access.vault import Vault

ROW = "ord_1"


def key(name: str, fill: int = 0, size: int = 32) -> str:
    return f"{name}:{base64.b64encode(bytes([fill]) * size).decode()}"


OLD, NEW = key("old", 1), key("new", 2)


class TestRotation:
    def test_an_encrypted_value_can_be_decrypted(self) -> None:
        vault = Vault(OLD)
        assert vault.decrypt(vault.encrypt(b"link", ROW), ROW) == b"link"

    def test_the_first_key_encrypts_and_every_key_decrypts(self) -> None:
        before = Vault(OLD).encrypt(b"link", ROW)
        rotated = Vault(f"{NEW},{OLD}")
        assert rotated.decrypt(before, ROW) == b"link"
        assert Vault(NEW).decrypt(rotated.encrypt(b"link", ROW), ROW) == b"link"

    def test_a_key_that_was_dropped_is_named(self) -> None:
        before = Vault(OLD).encrypt(b"link", ROW)
        with pytest.raises(ValueError, match="'old'"):
            Vault(NEW).decrypt(before, ROW)

    def test_another_key_of_the_same_name_does_not_open_it(self) -> None:
        before = Vault(key("k", 1)).encrypt(b"link", ROW)
        with pytest.raises(ValueError, match="changed, or belongs"):
            Vault(key("k", 2)).decrypt(before, ROW)


class TestBinding:
    def test_another_row_does_not_open_it(self) -> None:
        vault = Vault(OLD)
        with pytest.raises(ValueError, match="another row"):
            vault.decrypt(vault.encrypt(b"link", ROW), "ord_2")

    def test_the_same_text_is_encrypted_differently_each_time(self) -> None:
        vault = Vault(OLD)
        assert vault.encrypt(b"link", ROW) != vault.encrypt(b"link", ROW)

    @pytest.mark.parametrize("place", [4, 10, 17, -1])
    def test_a_changed_byte_does_not_open(self, place: int) -> None:
        vault = Vault(OLD)
        sealed = bytearray(vault.encrypt(b"link", ROW))
        sealed[place] ^= 1
        with pytest.raises(ValueError):
            vault.decrypt(bytes(sealed), ROW)

    @pytest.mark.parametrize("length", [0, 3, 4, 10, 16, 20])
    def test_a_truncated_ciphertext_does_not_open(self, length: int) -> None:
        vault = Vault(OLD)
        with pytest.raises(ValueError):
            vault.decrypt(vault.encrypt(b"link", ROW)[:length], ROW)


class TestKeys:
    @pytest.mark.parametrize("keys", ["", " ", ",", " , "])
    def test_none_at_all_is_refused(self, keys: str) -> None:
        with pytest.raises(ValueError, match="empty"):
            Vault(keys)

    @pytest.mark.parametrize(
        "keys",
        [
            "k1",
            "k1:",
            key("", 1),
            key("k1", 1, size=16),
            key("k1", 1, size=33),
            "k1:not base64 at all!",
            "k1:\N{SNOWMAN}",
            f"{OLD},k2:short",
        ],
    )
    def test_a_malformed_one_is_refused(self, keys: str) -> None:
        with pytest.raises(ValueError):
            Vault(keys)

    def test_a_refusal_does_not_show_the_key(self) -> None:
        with pytest.raises(ValueError) as refusal:
            Vault("k1:c2VjcmV0")
        assert "c2VjcmV0" not in str(refusal.value)

    def test_two_of_one_name_are_refused(self) -> None:
        with pytest.raises(ValueError, match="twice"):
            Vault(f"{key('k1', 1)},{key('k1', 2)}")

    def test_spaces_and_a_last_comma_do_no_harm(self) -> None:
        vault = Vault(f" {NEW} , {OLD} ,")
        assert Vault(NEW).decrypt(vault.encrypt(b"link", ROW), ROW) == b"link"
