"""Typical wrong inputs of programs and spreadsheets, in every place of every operation.

Schemathesis generates what a schema describes. This sweep takes each operation's own example and
replaces one value at a time: other encodings, invalid numbers, characters that cannot be stored,
impossible dates, files of other programs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

VALUES = (
    *("NaN", "Infinity", "-Infinity", "1e400", "1" * 280 + "e30", "1" * 310, "9" * 20, "-1", "1.5"),
    *(
        '"\\u0000"',
        '"x\\u0000y"',
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"😀\\u202e\\u200b"',
        '""',
        '" "',
    ),
    *("20261231", '"20261231"', '"9999-12-31T23:59:59-05:00"', '"0001-01-01T00:00:00+14:00"'),
    *('"' + "(" * 400 + "1" + ")" * 400 + '"', '"' + "x" * 300 + '"', '"a/b?c#d%00"', '"4,71E+15"'),
    '"' + "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9000)) + '"',
    *("null", "true", "[]", "{}", "[" * 40 + "]" * 40, '{"a": {"b": [1, "2", null]}}', '["x"]'),
)
"""JSON texts that replace one value of a body."""
ENCODINGS = ("utf-8", "utf-16", "utf-32-le")
TEXTS = (
    *("\x00", "20261231", "9999-12-31T23:59:59-05:00", "0001-01-01", "1e400", "9" * 20, "-1"),
    *("x" * 300, "%", "a/b", "'\"\\", " ", "", "😀", "NaN", "true", "[]", "jane+x@y.z"),
)
"""Texts that replace a parameter of a query or path."""
_PEOPLE = "Source_id;Name;Birthdate\nu1;Zoë;1990-01-02\n4,71E+15;x;20261231\n;;\n"
FILES = (
    *(_PEOPLE.encode(encoding) for encoding in ("utf-8-sig", "utf-16", "utf-16-be", "cp1252")),
    *(b"", b"\x00", b"\xff\xfe", b"\xff\xfe\x00\xd8", b"Source_id,Code\n\x00,x\n", b'Code\n"x\n'),
    *(b"Code,Expiration date\nA,9999-12-31T23:59:59-05:00\n", b"Order,Value\nG1,15,00\n"),
    *(b"sep=;\nCode;Active\nB;maybe\n", b"Source_id,Source_id\n", "Имя;Код\n".encode("cp1251")),
    b"Code,Redemption limit\nC," + b"9" * 20 + b"\n",
)
_METHODS = ("get", "post", "put", "delete")
_SPOILT = "\ue123"


class Odd(NamedTuple):
    """One request. `operation`: its description in the document; `what`: what is odd about it."""

    method: str
    path: str
    operation: dict[str, Any]
    what: str
    query: str = ""
    content: bytes | None = None
    media_type: str | None = None

    @property
    def url(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": self.media_type} if self.media_type else {}


def world_of(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What must exist so that the examples are valid: their campaign, their code, and its
    holder."""
    campaign = _example_of(
        document["paths"]["/v1/campaigns"]["post"]["requestBody"]["content"]["application/json"]
    )
    holder = {"source_id": "holder-of-the-example"}
    return [
        ("/v1/campaigns", campaign),
        (f"/v1/campaigns/{quote(campaign['name'])}/vouchers/REF-8KZQ7WXP", {}),
        ("/v1/publications", {"voucher": "REF-8KZQ7WXP", "customer": holder}),
    ]


def odd_requests(document: dict[str, Any], seed: int) -> list[Odd]:
    """All of them, shuffled by the seed."""
    found = [
        odd
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
        for odd in _of_operation(method, path, item[method])
    ]
    random.Random(seed).shuffle(found)
    return found


def operations_with_bodies(document: dict[str, Any]) -> list[Odd]:
    """Every operation with a body, with its own example; for a file, a small one."""
    return [
        _with_its_example(method, path, item[method], media_type, described)
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
        for media_type, described in item[method].get("requestBody", {}).get("content", {}).items()
        if media_type in ("application/json", "multipart/form-data", "text/csv")
    ]


def _with_its_example(
    method: str, path: str, operation: dict[str, Any], media_type: str, described: Any
) -> Odd:
    parameters = operation.get("parameters", [])
    plain = path.format(**{one["name"]: "none" for one in parameters if one["in"] == "path"})
    if media_type == "application/json":
        content = json.dumps(_example_of(described)).encode()
        return Odd(method, plain, operation, "as it is", "", content, media_type)
    return next(_with_files(method, plain, operation, parameters, media_type))


def wrong_with(odd: Odd, status: int, media_type: str) -> str | None:
    """What is wrong with the answer; None if nothing is."""
    if status >= 500:
        return f"answers {status}"
    if str(status) not in odd.operation["responses"]:
        return f"answers {status}, which is not documented"
    if status >= 400 and media_type != "application/problem+json":
        return f"answers {status} as {media_type}"
    return None


def _of_operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[Odd]:
    parameters = operation.get("parameters", [])
    plain = path.format(**{one["name"]: "none" for one in parameters if one["in"] == "path"})
    body = operation.get("requestBody", {}).get("content", {})
    yield from _with_odd_names(method, path, operation, parameters)
    for media_type, described in body.items():
        if media_type == "application/json":
            for what, content in _spoilt(_example_of(described)):
                yield Odd(method, plain, operation, what, "", content, media_type)
        elif media_type in ("multipart/form-data", "text/csv"):
            yield from _with_files(method, plain, operation, parameters, media_type)


def _with_odd_names(
    method: str, path: str, operation: dict[str, Any], parameters: list[dict[str, Any]]
) -> Iterator[Odd]:
    names = [one["name"] for one in parameters if one["in"] == "path"]
    for text in TEXTS:
        escaped = quote(text, safe="")
        if names and text:
            what = f"path {text[:20]!r}"
            yield Odd(method, path.format(**dict.fromkeys(names, escaped)), operation, what)
        for one in parameters:
            if one["in"] == "query":
                plain = path.format(**dict.fromkeys(names, "none"))
                query, what = f"{quote(one['name'])}={escaped}", f"{one['name']} {text[:20]!r}"
                yield Odd(method, plain, operation, what, query=query)


def _with_files(
    method: str,
    path: str,
    operation: dict[str, Any],
    parameters: list[dict[str, Any]],
    media_type: str,
) -> Iterator[Odd]:
    given = {"provider": "giftbit", "from": "2026-01-01", "to": "2026-02-01"}
    asked = [one["name"] for one in parameters if one["in"] == "query" and one["name"] in given]
    query = "&".join(f"{name}={given[name]}" for name in asked)
    for number, file in enumerate(FILES):
        content, kind = file, media_type
        if media_type == "multipart/form-data":
            kind = "multipart/form-data; boundary=odd"
            head = b'--odd\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
            content = head + file + b"\r\n--odd--\r\n"
        yield Odd(method, path, operation, f"file {number}", query, content, kind)


def _example_of(described: dict[str, Any]) -> Any:
    examples = described.get("examples") or {}
    first: Any = next(iter(examples.values()), {})
    return described.get("example", first.get("value") if isinstance(first, dict) else None)


def _spoilt(example: Any) -> Iterator[tuple[str, bytes]]:
    """The example with each value in turn replaced by each odd one."""
    for pointer, whole in _replaced(example, ""):
        text = json.dumps(whole)
        for value in VALUES:
            odd = text.replace(json.dumps(_SPOILT), value)
            for encoding in ENCODINGS if "u" in value or "e" in value else ENCODINGS[:1]:
                yield f"{pointer or '/'} {value[:24]} {encoding}", odd.encode(encoding)


def _replaced(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    yield pointer, _SPOILT
    if isinstance(value, dict):
        for name, member in value.items():
            for where, changed in _replaced(member, f"{pointer}/{name}"):
                yield where, value | {name: changed}
    elif isinstance(value, list):
        for index, member in enumerate(value):
            for where, changed in _replaced(member, f"{pointer}/{index}"):
                yield where, [*value[:index], changed, *value[index + 1 :]]
