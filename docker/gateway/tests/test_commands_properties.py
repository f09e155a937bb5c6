"""The runner with anything that can be asked of it: real commands, made up by Hypothesis."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lm_gateway.audit import Audit
from lm_gateway.bash.collector import HeadAndTail, json_size
from lm_gateway.bash.models import RunBashAnswer, RunBashRequest
from lm_gateway.bash.runner import CommandRunner, Stream
from lm_gateway.commands.event_log import EventLog
from lm_gateway.commands.job import Job
from lm_gateway.commands.jobs import Jobs
from lm_gateway.settings import CommandLimits, Settings, SpoolLimits

SMALL = CommandLimits(
    output_head_bytes=700,
    output_tail_bytes=500,
    error_head_bytes=300,
    error_tail_bytes=200,
    answer_max_bytes=6000,
    events_bytes=4000,
)
# Writes what the environment says, in pieces, to both streams.
WRITER = """
import os, sys
for piece in os.environ["PIECES"].split(","):
    if piece:
        os.write(1 if piece[0] == "o" else 2, bytes.fromhex(piece[1:]))
sys.exit(int(os.environ["CODE"]))
"""
# Printable or not, text or not, short and long; a character that is cut between two pieces.
PIECES = st.lists(
    st.tuples(
        st.sampled_from("oe"),
        st.one_of(
            st.binary(max_size=60),
            st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace")),
            st.sampled_from([b"\xf0\x9f", b"\x98\x80", b"\n", b"\0" * 400, b"x" * 900, b"\xff" * 700]),
        ),
    ),
    max_size=12,
)
VARIABLE_TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=200)


@pytest.fixture(scope="module")
def workspace(guard_path: str) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir="/var/tmp") as run_dir:
        yield Settings(
            token="t" * 16,
            workspace=Path(folder),
            home=Path(folder),
            run_dir=Path(run_dir),
            guard_path=guard_path,
            command_environment={"PATH": os.environ["PATH"]},
            commands=SMALL,
            spool=SpoolLimits(reserve=0),
        )


def run(workspace: Settings, request: RunBashRequest) -> tuple[Job, RunBashAnswer, dict[Stream, bytes]]:
    """Runs a request to its end; gives the answer and the whole output as it is to be had."""

    async def work() -> tuple[Job, RunBashAnswer, dict[Stream, bytes]]:
        runner = CommandRunner(workspace)
        jobs = Jobs(workspace, runner, Audit(lambda _: None))
        job, _ = await jobs.run(request, who="test")
        await job.finished()
        whole = {stream: job.open_output(stream)(0, job.output_size(stream)) for stream in Stream}
        answer = job.answer(replayed=False)
        await job.detach()
        job.release()
        runner.close()
        return job, answer, whole

    return asyncio.run(work())


def check_shown(shown: str, whole: bytes, cut: bool) -> None:
    """The shown text is the whole one, or its first and last part with the true count between."""
    if not cut:
        assert shown == whole.decode("utf-8", "replace")
        return
    first, _, rest = shown.partition("\n[... ")
    count, _, last = rest.partition(" bytes left out ...]\n")
    left_out = int(count)
    assert 0 < left_out <= len(whole)
    for start in range(len(whole) - left_out + 1):
        end = start + left_out
        if (
            whole[:start].decode("utf-8", "replace") == first
            and whole[end:].decode("utf-8", "replace") == last
        ):
            return
    raise AssertionError((shown, whole))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(pieces=PIECES, code=st.integers(0, 255))
def test_any_output_is_counted_shown_and_kept_as_it_was(
    workspace: Settings, pieces: list[tuple[str, bytes]], code: int
) -> None:
    encoded = ",".join(stream + data.hex() for stream, data in pieces)
    request = RunBashRequest(cmd=f"exec python3 -c '{WRITER}'", env={"PIECES": encoded, "CODE": str(code)})
    _, answer, whole = run(workspace, request)
    expected = {
        Stream.STDOUT: b"".join(data for stream, data in pieces if stream == "o"),
        Stream.STDERR: b"".join(data for stream, data in pieces if stream == "e"),
    }
    assert whole == expected
    assert (answer.exit_code, answer.timed_out) == (code, False)
    assert (answer.output_bytes, answer.error_bytes) == tuple(len(data) for data in expected.values())
    assert len(answer.model_dump_json().encode()) <= SMALL.answer_max_bytes
    cut = {
        Stream.STDOUT: "bytes left out" in answer.output,
        Stream.STDERR: "bytes left out" in answer.error,
    }
    assert answer.truncated == any(cut.values())
    for stream, shown in ((Stream.STDOUT, answer.output), (Stream.STDERR, answer.error)):
        check_shown(shown, expected[stream], cut[stream])


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    value=VARIABLE_TEXT,
    stdin=st.text(st.characters(codec="utf-8"), max_size=2000),
    folder=st.text(st.characters(exclude_characters="\0/", codec="utf-8"), min_size=1, max_size=40).filter(
        lambda name: name not in (".", "..") and len(name.encode()) <= 200
    ),
)
def test_any_variable_folder_and_standard_input_arrive_as_they_are(
    workspace: Settings, value: str, stdin: str, folder: str
) -> None:
    (workspace.workspace / folder).mkdir(exist_ok=True)
    roomy = replace(workspace, commands=CommandLimits())
    request = RunBashRequest(
        cmd='printf "%s" "$VALUE"; printf "\\0"; printf "%s" "$PWD"; printf "\\0"; cat',
        env={"VALUE": value},
        stdin=stdin,
        cwd=folder,
    )
    _, answer, whole = run(roomy, request)
    assert answer.exit_code == 0
    parts = whole[Stream.STDOUT].split(b"\0", 2)
    # The path as bash has it, with links resolved as ours.
    assert parts == [value.encode(), str(workspace.workspace.resolve() / folder).encode(), stdin.encode()]


@given(
    st.lists(st.binary(max_size=40), max_size=40),
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(200, 1000),
)
def test_a_shown_text_is_never_longer_than_it_may_be_and_its_count_is_true(
    pieces: list[bytes], head: int, tail: int, json_bytes_max: int
) -> None:
    kept = HeadAndTail(head, tail)
    for piece in pieces:
        kept.add(piece)
    whole = b"".join(pieces)
    shown = kept.shown(json_bytes_max)
    assert json_size(shown.text) <= json_bytes_max
    assert shown.cut == (kept.truncated or json_size(whole.decode("utf-8", "replace")) > json_bytes_max)
    check_shown(shown.text, whole, shown.cut)


@given(st.lists(st.binary(max_size=60), max_size=30), st.integers(300, 3000))
def test_events_of_any_output_join_to_the_text_wherever_it_is_cut(
    pieces: list[bytes], max_bytes: int
) -> None:
    async def work() -> None:
        log = EventLog(max_bytes)
        holding = log.read(holding=True)
        told: list[dict[str, object]] = []

        async def take_all() -> None:
            while (event := await holding.next()) is not None:
                told.append(dict(event))

        taking = asyncio.create_task(take_all())
        for piece in pieces:
            log.add_output("stdout", piece)
            await log.room()
        log.close("exit", {})
        await taking
        whole = b"".join(pieces)
        assert "".join(str(event.get("text", "")) for event in told) == whole.decode("utf-8", "replace")
        assert [event["seq"] for event in told] == list(range(len(told)))
        # Whoever comes later gets the newest part, and is told of what is missing.
        late = log.read()
        events = []
        while (event := await late.next()) is not None:
            events.append(event)
        assert events[-1]["type"] == "exit"
        first = 1 if events[0]["type"] == "truncated" else 0
        assert [json.dumps(event) for event in events[first:]] == [
            json.dumps(event) for event in told[len(told) - len(events) + first :]
        ]
        assert log.size_bytes <= max_bytes or len(events) == first + 1

    asyncio.run(work())
