"""Named tokens: the file's form, its rotation, and the ways a file can be wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import TOKEN, MakeSettings, StartGateway
from lm_gateway.http.scopes import ALL_SCOPES, Caller
from lm_gateway.http.token_file import NAME, Scope, TokenFileError, parse_tokens
from lm_gateway.http.tokens import Tokens

READER = "reader-0123456789abcdef"
AGENT = "agent-0123456789:abcdef"
FILE = f"# who may do what\n\nreader:read:{READER}\nagent:read,models,exec:{AGENT}\r\n"
READABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=80)


def test_a_file_names_tokens_and_what_they_may_do(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(FILE)
    tokens = Tokens(TOKEN, tmp_path / "tokens")
    assert tokens.find(READER) == Caller("reader", frozenset({Scope.READ}))
    assert tokens.find(AGENT) == Caller("agent", ALL_SCOPES)
    assert tokens.find(TOKEN) == Caller("default", ALL_SCOPES)
    assert tokens.find(READER[:-1]) is None
    assert tokens.find("") is None


@given(
    st.lists(
        st.tuples(st.from_regex(NAME, fullmatch=True), st.sets(st.sampled_from(Scope), min_size=1), READABLE),
        min_size=1,
        max_size=8,
        unique_by=(lambda line: line[0], lambda line: line[2]),
    )
)
def test_what_is_written_is_read(lines: list[tuple[str, set[Scope], str]]) -> None:
    expected = [(name, frozenset(scopes), token) for name, scopes, token in lines]
    text = "\n".join(f"{name}:{','.join(scopes)}:{token}" for name, scopes, token in lines)
    assert [(token.name, token.scopes, token.token) for token in parse_tokens(text)] == expected


@given(st.text(max_size=200))
def test_any_other_text_is_an_error_and_never_told_in_full(text: str) -> None:
    secret = "a-secret-that-nobody-may-see"
    with pytest.raises(TokenFileError) as wrong:
        parse_tokens(f"ok:read:0123456789abcdef\nname:wrong:{secret}{text}")
    assert secret not in str(wrong.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no token in it"),
        ("# nothing\n", "no token in it"),
        (READER, "line 1 is not name:scopes:token"),
        (f"a:read:{READER}\nb b:read:{AGENT}", "line 2: a name has"),
        (f"a:write:{READER}", "line 1: scopes are one or more of read, models, exec"),
        (f"a::{READER}", "line 1: scopes are"),
        ("a:read:short", "line 1: a token has at least 16"),
        (f"a:read:{READER}\na:read:{AGENT}", "line 2: there is a token of this name"),
        (f"a:read:{READER}\nb:exec:{READER}", "line 2: this token has another name"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "tokens").write_text(text)
    with pytest.raises(TokenFileError, match=problem):
        Tokens(None, tmp_path / "tokens")


def test_a_file_that_is_missing_huge_or_claims_the_default_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    with pytest.raises(TokenFileError, match="cannot be read"):
        Tokens(None, file)
    file.write_text("#" * 100_000)
    with pytest.raises(TokenFileError, match="larger than"):
        Tokens(None, file)
    file.write_bytes(b"a:read:\xff")
    with pytest.raises(TokenFileError, match="not ASCII"):
        Tokens(None, file)
    file.write_text(f"default:read:{READER}")
    with pytest.raises(TokenFileError, match="belongs to LM_API_TOKEN"):
        Tokens(TOKEN, file)
    assert Tokens(None, file).find(READER) == Caller("default", frozenset({Scope.READ}))


def test_a_changed_file_counts_from_the_next_request_on(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(FILE)
    tokens = Tokens(None, file)
    new = "a-new-one-0123456789abcdef"
    file.write_text(FILE.replace(READER, new))
    assert tokens.find(READER) is None
    assert tokens.find(new) == Caller("reader", frozenset({Scope.READ}))
    # Put in place by renaming, with a time of long ago.
    (tmp_path / "next").write_text(FILE)
    os.utime(tmp_path / "next", (1, 1))
    (tmp_path / "next").rename(file)
    assert tokens.find(new) is None
    assert tokens.find(READER) is not None


def test_a_change_within_one_tick_of_the_clock_is_seen_too(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    other = READER.replace("0", "9")
    file.write_text(f"reader:read:{READER}")
    tokens = Tokens(None, file)
    # The same size, and the same times as far as the reader may rely on them.
    file.write_text(f"reader:read:{other}")
    assert tokens.find(other) is not None
    assert tokens.find(READER) is None


def test_a_broken_new_file_keeps_the_old_tokens_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "tokens"
    file.write_text(FILE)
    tokens = Tokens(None, file)
    for breaking in (lambda: file.write_text("nonsense"), lambda: file.write_text(""), file.unlink):
        breaking()
        caplog.clear()
        assert tokens.find(READER) is not None
        assert "not used, those from before stay" in caplog.text
        assert tokens.problem()
        caplog.clear()
        assert tokens.find(READER) is not None
        assert caplog.text == "", "the same problem is told once"
    file.write_text(FILE)
    assert tokens.problem() is None
    assert READER not in caplog.text


async def test_health_tells_readers_of_a_broken_file(
    start_gateway: StartGateway, make_settings: MakeSettings, run_dir: Path
) -> None:
    (run_dir / "tokens").write_text(f"agent:exec:{AGENT}\nreader:read:{READER}\n")
    gateway = await start_gateway(make_settings(tokens_file=run_dir / "tokens"))
    (run_dir / "tokens").write_text("nonsense")

    async def warnings(token: str) -> list[str]:
        answer = await gateway.get("/health", headers={"Authorization": f"Bearer {token}"})
        found: list[str] = answer.json()["warnings"]
        return found

    assert "line 1 is not name:scopes:token" in (await warnings(READER))[0]
    assert await warnings(AGENT) == []
    assert await warnings("nobody-0123456789abcdef") == []


async def test_a_command_cannot_read_the_file_of_tokens(
    start_gateway: StartGateway, make_settings: MakeSettings, run_dir: Path
) -> None:
    file = run_dir / "tokens"
    file.write_text(f"reader:read:{READER}\n")
    gateway = await start_gateway(make_settings(tokens_file=file))
    answer = (await gateway.post("/run-bash/", json={"cmd": f"cat {file}"})).json()
    isolation = (await gateway.get("/version")).json()["command_isolation"]
    if isolation == "none":
        pytest.skip("this kernel has no Landlock; README.md says what that means")
    assert READER not in answer["output"]
    assert answer["exit_code"] == 1
