"""CSV files as spreadsheets write them: encoding, delimiter, rows."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from typing import Protocol

from charset_normalizer import from_bytes

DELIMITERS = (",", ";", "\t", "|")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WINDOWS = "cp1252"
LONGEST_LINE = 1_000_000
"""Characters."""
_SAMPLE = 65_536
"""Bytes of lines with non-ASCII letters, which are used to detect the encoding."""
_OTHER_SCRIPTS = ["cp1251", "cp1253", "cp1255", "cp1256", "cp932", "cp949", "gb18030", "big5"]
_PUNCTUATION = frozenset("€‚„…‘’“”•–—")
"""Characters that say too little about a script."""
_SLACK = 0.02
"""Of the detector's measure of disorder: within this, two readings are equally likely."""
_SIGN_IN_A_WORD = re.compile(r"[^\W\d_][¡-¿×÷](?=[^\W\d_])|(?<!\w)[£¥¯¿][^\W\d_]{2}|[a-z][¹³¾¼¿]")
"""A sign within a word, such as Ma³gorzata or £ukasz, shows a wrong code page."""
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


class WrongFile(ValueError):
    """A file that cannot be read as CSV. The message says what was expected."""


class Rows(Protocol):
    """A csv.reader: rows, and the number of the last line read."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


def encoding_of(blocks: Iterable[bytes]) -> str:
    """The encoding by its byte order mark; else UTF-8, UTF-16, or Windows-1252 as old spreadsheets
    save.

    Raises WrongFile if it may be another code page: names would be changed silently."""
    blocks = iter(blocks)
    first = next(blocks, b"")
    for mark, encoding in _BOMS:
        if first.startswith(mark):
            return encoding
    if wide := _wide(first[:4096]):
        return wide
    decoder, sample, is_utf8 = codecs.getincrementaldecoder("utf-8")(), bytearray(), True
    for block in chain([first], blocks):
        is_utf8 = is_utf8 and _goes_on(decoder, block)
        if len(sample) < _SAMPLE:
            sample += b"\n".join(line for line in block.split(b"\n") if not line.isascii())
    if is_utf8 and _goes_on(decoder, b"", final=True):
        return "utf-8"
    if not _is_windows(bytes(sample[:_SAMPLE])):
        raise WrongFile("expected UTF-8, and found bytes that are none. Save it as CSV UTF-8")
    return _WINDOWS


def rows_of(
    lines: Iterable[str], *, delimiter: str | None = None, names: Collection[str] = ()
) -> Rows:
    """The rows, the header first.

    The delimiter is detected from the header; a declared one wins if the header then has these
    names. Iterating raises csv.Error, also for a quote that is never closed: it would swallow the
    rest of the file."""
    lines = _short(lines)
    first = next(lines, "")
    said = delimiter_said(first)
    header = next(lines, "") if said else first
    wanted = said or delimiter_of(header)
    if delimiter and (_has(header, delimiter, names) or not _has(header, wanted, names)):
        wanted = delimiter
    # Excel's own `sep=` line is replaced by an empty one, so that lines keep their numbers.
    given = chain(["\n"] if said else [], [header] if header else [], lines)
    rows = csv.reader(given, delimiter=wanted, strict=True)
    if said:
        next(rows)
    return rows


def _short(lines: Iterable[str]) -> Iterator[str]:
    """Raises WrongFile for a line that is too long: splitting it would block all threads."""
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise WrongFile(f"line {number}: longer than {LONGEST_LINE} characters")
        yield line


def delimiter_said(line: str) -> str | None:
    """The delimiter of a line `sep=;`, which Excel writes before the header; None if there
    is none."""
    said = _SEPARATOR.fullmatch(line)
    return said.group(1) if said else None


def delimiter_of(header: str) -> str:
    """The delimiter that gives the most names; a comma by default."""
    return max(DELIMITERS, key=lambda one: (len(_cut(header, one)), one == ","))


def _has(header: str, delimiter: str, names: Collection[str]) -> bool:
    return set(names) <= {name.strip() for name in _cut(header, delimiter)}


def _cut(header: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _wide(first: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of a Latin text is zero."""
    even, odd = first[0::2].count(0), first[1::2].count(0)
    if max(even, odd) * 4 < len(first):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _goes_on(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _is_windows(sample: bytes) -> bool:
    try:
        text = sample.decode(_WINDOWS)
    except UnicodeDecodeError:
        return False
    if all(character.isascii() or character in _PUNCTUATION for character in text):
        return True
    if _SIGN_IN_A_WORD.search(text):
        return False
    readings = from_bytes(sample, cp_isolation=[_WINDOWS, *_OTHER_SCRIPTS])
    disorder = [one.chaos for one in readings if str(one) == text]
    return bool(disorder) and min(disorder) <= min(one.chaos for one in readings) + _SLACK


def first_rows(rows: Rows, most: int) -> list[list[str]]:
    """Up to that many rows, without empty lines. Raises WrongFile, naming the line."""
    try:
        return list(islice(_whole(rows), most))
    except csv.Error as error:
        raise WrongFile(f"line {rows.line_num}: {error}") from None


def _whole(rows: Rows) -> Iterator[list[str]]:
    for row in rows:
        if any("\x00" in cell for cell in row):
            raise WrongFile(f"line {rows.line_num}: holds a NUL character")
        if row:
            yield row
