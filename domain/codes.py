"""Referral codes: how they look, and drawing them at random."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field


class CodeConfig(BaseModel):
    """How referral codes look. `pattern` replaces each # by a random character."""

    model_config = ConfigDict(frozen=True)

    length: int = Field(default=8, ge=4, le=64)
    charset: str = Field(default="ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_length=2, max_length=128)
    """The default leaves out characters that are easily confused: I and 1, O and 0."""
    prefix: str = Field(default="", max_length=32)
    postfix: str = Field(default="", max_length=32)
    pattern: str | None = Field(default=None, max_length=64, examples=["REF-########"])

    @property
    def template(self) -> str:
        """The whole code, with # for each random character."""
        return self.prefix + (self.pattern or "#" * self.length) + self.postfix

    @property
    def combinations(self) -> int:
        """The number of different codes it can make, ignoring case."""
        return int(len(set(self.charset.lower())) ** self.template.count("#"))


_IN_QUERY = ("code", "ref", "referral", "referral_code", "voucher", "coupon")


def code_typed(text: str) -> str:
    """The code within what a person typed or pasted.

    Of a link, the parameter that names it, else the last part of its path. Anything else is the
    code itself."""
    text = text.strip()
    if "://" not in text and not text.lower().startswith("www."):
        return text
    link = urlsplit(text if "://" in text else f"https://{text}")
    named = dict(parse_qsl(link.query))
    in_query = next((named[name] for name in _IN_QUERY if named.get(name)), None)
    last = link.path.rstrip("/").rpartition("/")[2]
    return in_query or unquote(last) or text


def draw(config: CodeConfig, count: int) -> set[str]:
    """`count` random codes, or fewer if one was drawn twice."""
    pieces = config.template.split("#")
    characters = _random(config.charset, count * (len(pieces) - 1))
    return {_filled(pieces, characters) for _ in range(count)}


def _filled(pieces: list[str], characters: Iterator[str]) -> str:
    first, *rest = pieces
    return first + "".join(next(characters) + piece for piece in rest)


def _random(charset: str, count: int) -> Iterator[str]:
    """Cryptographic randomness, because a guessed code takes somebody's place. Drawn all at once:
    one call per character takes thirty times as long."""
    fair = 256 - 256 % len(charset)
    # Bytes above the last whole multiple are dropped, or the first characters would be more
    # frequent.
    table = {byte: charset[byte % len(charset)] if byte < fair else None for byte in range(256)}
    drawn = ""
    while len(drawn) < count:
        drawn += os.urandom(count - len(drawn) + 64).decode("latin-1").translate(table)
    return iter(drawn)
