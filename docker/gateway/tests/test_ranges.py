"""What the gateway makes of a Range header, of files and of commands' output (RFC 9110, section 14)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.ranges import ByteRange, parse_range

HUGE = "9" * 30


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", ByteRange(0, 10)),
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=007-010", ByteRange(7, 11)),
        ("bytes=5-", ByteRange(5, 100)),
        ("bytes=90-1000", ByteRange(90, 100)),
        (f"bytes=90-{HUGE}", ByteRange(90, 100)),
    ],
)
def test_a_range_is_its_first_to_its_last_byte_and_ends_with_what_there_is(
    header: str, expected: ByteRange
) -> None:
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=-5", ByteRange(95, 100)),
        ("bytes=-500", ByteRange(0, 100)),
        (f"bytes=-{HUGE}", ByteRange(0, 100)),
    ],
)
def test_a_suffix_is_the_last_bytes_and_all_when_there_are_fewer(header: str, expected: ByteRange) -> None:
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize("header", ["Bytes=0-9", "BYTES=0-9", "byteS=0-9"])
def test_the_unit_is_taken_in_any_case(header: str) -> None:
    assert parse_range(header, 100) == ByteRange(0, 10)


@pytest.mark.parametrize(
    "header", ["  bytes=0-9\t", "bytes=0-9 ", "bytes= 0-9", "bytes=, 0-9 ,", "bytes=,,\t0-9"]
)
def test_blanks_and_empty_members_round_a_range_belong_to_the_list(header: str) -> None:
    assert parse_range(header, 100) == ByteRange(0, 10)


@pytest.mark.parametrize(
    "header",
    ["bytes =0-9", "bytes=0 -9", "bytes=0- 9", "bytes=- 5", "bytes=1 0-20", "bytes=\N{NO-BREAK SPACE}0-9"],
)
def test_blanks_within_a_range_make_no_sense_and_are_answered_with_the_whole(header: str) -> None:
    assert parse_range(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=0-1,3-4", "bytes=0-1, -1", "bytes=200-300,0-1", "bytes=0-,0-,0-"])
def test_several_ranges_are_answered_with_the_whole(header: str) -> None:
    assert parse_range(header, 100) is None


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "bytes", "bytes=", "bytes=-", "bytes=,", "0-9", "lines=0-9"),
        *("bytes=9-5", f"bytes={HUGE}-5", "bytes=a-b", "bytes=0x1-2", "bytes=--5", "bytes=+1-5"),
        *("bytes=1-2-3", "bytes=1.5-2", "bytes=\u0661-\u0662"),
    ],
)
def test_what_is_no_range_of_bytes_is_answered_with_the_whole(header: str | None) -> None:
    assert parse_range(header, 100) is None


@pytest.mark.parametrize(
    "header", ["bytes=100-", "bytes=100-200", f"bytes={HUGE}-", "bytes=-0", "bytes=-000"]
)
def test_a_range_beyond_the_end_and_a_suffix_of_nothing_are_refused(header: str) -> None:
    with pytest.raises(GatewayError) as refused:
        parse_range(header, 100)
    assert (refused.value.code, refused.value.status_code) == (ErrorCode.RANGE_NOT_SATISFIABLE, 416)
    assert refused.value.headers == {"Content-Range": "bytes */100"}
    assert refused.value.details == {"size_bytes": 100, "complete_bytes": 100}


def test_of_nothing_the_last_bytes_are_the_whole_and_any_first_byte_is_beyond_the_end() -> None:
    assert parse_range("bytes=-5", 0) is None
    for header in ("bytes=0-", "bytes=0-0", "bytes=-0"):
        with pytest.raises(GatewayError):
            parse_range(header, 0)


def test_a_refusal_names_the_length_of_the_whole_where_only_a_part_is_kept() -> None:
    with pytest.raises(GatewayError) as refused:
        parse_range("bytes=100-", 100, complete_bytes=5000)
    assert refused.value.headers == {"Content-Range": "bytes */5000"}
    assert "100 bytes that are to be had of 5000" in refused.value.message


@given(st.integers(0, 50), st.integers(0, 60) | st.none(), st.integers(0, 60) | st.none())
def test_a_range_never_leaves_what_there_is(size: int, first: int | None, last: int | None) -> None:
    content = bytes(range(size))
    try:
        part = parse_range(f"bytes={'' if first is None else first}-{'' if last is None else last}", size)
    except GatewayError:
        assert last == 0 if first is None else first >= size
        return
    if part is None:
        assert first == last is None or (first is None and not size) or (first or 0) > (last or 0)
        return
    assert 0 <= part.start < part.end <= size
    wanted = (
        content[-last:] if first is None and last else content[first : None if last is None else last + 1]
    )
    assert content[part.start : part.end] == wanted


@given(st.text(max_size=30) | st.text("bytes=0123456789-, \t", max_size=20).map("bytes=".__add__))
def test_every_header_gives_a_part_or_the_whole_or_is_refused(header: str) -> None:
    with suppress(GatewayError):
        part = parse_range(header, 100)
        assert part is None or 0 <= part.start < part.end <= 100
