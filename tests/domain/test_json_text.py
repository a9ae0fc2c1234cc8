"""What JSON may say here, in whatever encoding it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.json_text import WrongJson, value_of

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_text_is_read_in_each_encoding(encoding: str) -> None:
    assert value_of('{"name": "Zoë 😀"}'.encode(encoding)) == {"name": "Zoë 😀"}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (r'{"a": "x\u0000"}', "/a"),
        (r'{"a": ["\ud800"]}', "/a/0"),
        (r'{"a": "\udc00\ud800"}', "/a"),
        (r'{"a\u0000": 1}', ""),
        ('{"a/b": NaN}', "/a~1b"),
        ('{"a": Infinity}', "/a"),
        ('{"a": -Infinity}', "/a"),
        ('{"a": 1e400}', "/a"),
        ('{"a": 1E+0400}', "/a"),
        ('{"a": ' + "1" * 280 + "e30}", "/a"),
        ('{"a": ' + "1" * 310 + "}", "/a"),
        ('{"a": ' + "1" * 310 + ".5}", "/a"),
        ("[" * 40 + "]" * 40, "/0" * 33),
    ],
)
def test_an_unstorable_value_is_refused_with_its_pointer(
    encoding: str, text: str, pointer: str
) -> None:
    with pytest.raises(WrongJson) as wrong:
        value_of(text.encode(encoding))
    assert wrong.value.pointer == pointer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": "\x00"}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        '{"a": "\ud800"}'.encode("utf-16-le", "surrogatepass"),
        b"[" * 3000 + b"]" * 3000,
        b"[" * 200_000,
        b"9" * 5000,
    ],
)
def test_invalid_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        value_of(body)


@pytest.mark.parametrize(
    "value", [0.1, 10**200, -(10**280), 1e308, "😀", "\\u0000", {"e999": "NaN"}, [[[]]] * 40]
)
def test_harmless_text_that_looks_suspicious_is_read(value: Any) -> None:
    assert value_of(json.dumps(value).encode()) == value
