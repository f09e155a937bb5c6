"""The audit log: who ran what, and nothing that could be a secret."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_gateway.audit import Audit


def test_a_line_has_the_name_the_hash_and_the_end_but_not_the_command() -> None:
    lines: list[str] = []
    Audit(lines.append).record(who="agent", command="echo s3cret", exit_code=3, duration_ms=12)
    line = json.loads(lines[0])
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "audit": "run-bash",
        "who": "agent",
        "sha256": hashlib.sha256(b"echo s3cret").hexdigest(),
        "exit_code": 3,
        "duration_ms": 12,
    }
    assert "s3cret" not in lines[0]


@given(st.text(), st.text(), st.text())
def test_no_text_can_break_out_of_its_line(who: str, command: str, request_id: str) -> None:
    lines: list[str] = []
    Audit(lines.append).record(
        who=who, command=command, exit_code=None, duration_ms=0, request_id=request_id, kind="session"
    )
    assert lines[0].isascii()
    assert lines[0].isprintable()
    assert json.loads(lines[0])["who"] == who


def test_the_log_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Audit().record(who="a", command="true", exit_code=0, duration_ms=1)
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.count("\n") == 1
