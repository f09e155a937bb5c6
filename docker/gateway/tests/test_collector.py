"""The first and the last part of a stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lm_gateway.bash.collector import HeadAndTail


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 20), st.integers(1, 20))
def test_what_fits_is_kept_whole_and_the_rest_is_counted(pieces: list[bytes], head: int, tail: int) -> None:
    kept = HeadAndTail(head, tail)
    for piece in pieces:
        kept.add(piece)
    whole = b"".join(pieces)
    assert kept.total_bytes == len(whole)
    assert kept.truncated == (len(whole) > head + tail)
    if not kept.truncated:
        assert kept.text() == whole.decode("utf-8", "replace")


@given(st.text(alphabet="aä€😀", min_size=30, max_size=200), st.integers(4, 20), st.integers(4, 20))
def test_a_cut_never_splits_a_character(text: str, head: int, tail: int) -> None:
    kept = HeadAndTail(head, tail)
    data = text.encode()
    for start in range(0, len(data), 3):
        kept.add(data[start : start + 3])
    shown = kept.text()
    assert "\ufffd" not in shown
    if kept.truncated:
        first, _, rest = shown.partition("\n[... ")
        left_out, _, last = rest.partition(" bytes left out ...]\n")
        assert text.startswith(first)
        assert text.endswith(last)
        assert len(first.encode()) + int(left_out) + len(last.encode()) == len(data)


def test_a_hundred_megabytes_need_no_more_memory_than_the_two_parts() -> None:
    kept = HeadAndTail(1000, 1000)
    for _ in range(1600):
        kept.add(b"x" * 65536)
    assert kept.total_bytes == 1600 * 65536
    assert len(kept.text()) < 2100
