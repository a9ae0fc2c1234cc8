"""CSV files as spreadsheets write them."""

from __future__ import annotations

import csv
import io

import pytest

from domain.spreadsheets import WrongFile, delimiter_of, encoding_of, first_rows, rows_of

TEXT = "Source_id;Name;City\nu1;Zoë Müller;Besançon\nu2;François;Orléans\n"


def read(file: bytes) -> list[list[str]]:
    text = io.TextIOWrapper(io.BytesIO(file), encoding_of([file]), newline="")
    return first_rows(rows_of(text), 1000)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_each_encoding_that_spreadsheets_save_in_is_read(encoding: str) -> None:
    assert read(TEXT.encode(encoding)) == [
        ["Source_id", "Name", "City"],
        ["u1", "Zoë Müller", "Besançon"],
        ["u2", "François", "Orléans"],
    ]


def test_the_first_other_letter_may_come_late_and_across_two_blocks() -> None:
    blocks = [b"Source_id\n" + b"u\n" * 40_000, "ë".encode()[:1], "ë".encode()[1:] + b"\n"]
    assert encoding_of(blocks) == "utf-8"
    assert encoding_of([blocks[0], "Zoë\n".encode("cp1252")]) == "cp1252"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Source_id;Name;City\nu1;Łukasz Żółć;Kraków\nu2;Małgorzata;Gdańsk\n", "cp1250"),
        ("Source_id;Name;City\nu1;Иван Петров;Москва\nu2;Ольга;Казань\n", "cp1251"),
        ("Source_id;Name;City\nu1;山田太郎;東京\nu2;鈴木花子;大阪\n", "shift_jis"),
    ],
)
def test_another_code_page_is_refused_not_guessed(text: str, encoding: str) -> None:
    with pytest.raises(WrongFile, match="Save it as CSV UTF-8"):
        encoding_of([text.encode(encoding)])


def test_signs_that_every_code_page_shares_are_read() -> None:
    assert read("Code;plan\nA;5 €\n".encode("cp1252"))[1] == ["A", "5 €"]


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("a,b,c", ","),
        ("a;b;c", ";"),
        ("a\tb\tc", "\t"),
        ('"a,x";"b,y"', ";"),
        ("Source_id", ","),
        ('"a;b;c",d', ","),
    ],
)
def test_the_header_tells_the_delimiter(header: str, delimiter: str) -> None:
    assert delimiter_of(header) == delimiter


def test_the_line_that_excel_writes_for_itself_is_none_of_the_rows() -> None:
    text = io.StringIO("sep=;\r\na;b\r\n1;2\r\n", newline="")
    rows = rows_of(text)
    assert first_rows(rows, 10) == [["a", "b"], ["1", "2"]]
    assert rows.line_num == 3


def test_a_declared_delimiter_wins_where_the_header_has_its_names() -> None:
    text = "Order,Note;more,x;y\n1,2;3,4;5\n"
    by_header = rows_of(io.StringIO(text), delimiter=",", names={"Order", "x;y"})
    assert next(by_header) == ["Order", "Note;more", "x;y"]
    other = rows_of(io.StringIO("Order;Value\n1;15,00\n"), delimiter=",", names={"Order"})
    assert first_rows(other, 9)[1] == ["1", "15,00"]


def test_a_cell_of_two_lines_is_one_cell() -> None:
    assert read(b'a,b\n1,"x\ny"\n2,z\n') == [["a", "b"], ["1", "x\ny"], ["2", "z"]]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b'a,b\n1,"x\n2,y\n3,z\n', "line 4: unexpected end of data"),
        (b'a,b\n1,"x"y\n', "line 2"),
        (b"a,b\n1,x\x00y\n", "line 2: holds a NUL"),
        (b"a,b\x00\n1,x\n", "line 1: holds a NUL"),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", "line 2: field larger"),
    ],
)
def test_a_file_that_is_broken_is_refused_by_its_line(file: bytes, words: str) -> None:
    with pytest.raises(WrongFile, match=words):
        read(file)


def test_an_empty_file_has_no_rows() -> None:
    assert read(b"") == []
    with pytest.raises(StopIteration):
        next(rows_of(io.StringIO("")))


def test_csv_errors_name_themselves_while_streaming() -> None:
    with pytest.raises(csv.Error):
        list(rows_of(io.StringIO('a,b\n1,"x\n')))
