"""POST /run-bash/: real commands under the real guard."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import uuid
from pathlib import Path

import httpx
import pytest

import processes
from conftest import MakeSettings, StartGateway
from lm_gateway.settings import CommandLimits, SpoolLimits


async def run(gateway: httpx.AsyncClient, cmd: str, **fields: object) -> dict[str, object]:
    response = await gateway.post("/run-bash/", json={"cmd": cmd, **fields})
    assert response.status_code == 200, response.text
    answer: dict[str, object] = response.json()
    return answer


async def test_a_command_answers_with_its_output_its_errors_and_its_exit_code(
    gateway: httpx.AsyncClient,
) -> None:
    answer = await run(gateway, "echo hello; echo oops >&2; exit 3")
    assert answer.pop("duration_ms") in range(2000)
    assert answer.pop("id")
    assert answer == {
        "output": "hello\n",
        "error": "oops\n",
        "exit_code": 3,
        "timed_out": False,
        "truncated": False,
        "output_bytes": 6,
        "error_bytes": 5,
        "replayed": False,
    }


async def test_the_path_works_without_its_last_slash(gateway: httpx.AsyncClient) -> None:
    response = await gateway.post("/run-bash", json={"cmd": "echo x"})
    assert response.json()["output"] == "x\n"


async def test_a_command_gets_stdin_folder_and_variables(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    (make_settings().workspace / "sub").mkdir()
    answer = await run(
        gateway, 'cat; pwd; echo "$GREETING"', stdin="from stdin\n", cwd="sub", env={"GREETING": "grüße"}
    )
    assert answer["output"] == f"from stdin\n{make_settings().workspace}/sub\ngrüße\n"


async def test_stdin_of_200_kib_reaches_the_command(gateway: httpx.AsyncClient) -> None:
    answer = await run(gateway, "wc -c", stdin="x" * 200_000)
    assert str(answer["output"]).strip() == "200000"


async def test_without_stdin_a_reading_command_ends_at_once(gateway: httpx.AsyncClient) -> None:
    assert (await run(gateway, "cat; echo done"))["output"] == "done\n"


async def test_commands_see_no_variable_of_the_gateway(
    gateway: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LM_API_TOKEN", "a-secret-that-must-not-leak")
    answer = await run(gateway, "env")
    names = {line.partition("=")[0] for line in str(answer["output"]).splitlines()}
    assert names == {"PATH", "LANG", "TERM", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "SHLVL", "_"}


async def test_a_folder_outside_the_workspace_is_refused(gateway: httpx.AsyncClient) -> None:
    for cwd in ("/etc", "..", "../workspace/../..", "missing", "a\0b"):
        response = await gateway.post("/run-bash/", json={"cmd": "pwd", "cwd": cwd})
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request"), cwd


async def test_a_link_out_of_the_workspace_is_no_way_out(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    (make_settings().workspace / "out").symlink_to("/etc")
    response = await gateway.post("/run-bash/", json={"cmd": "pwd", "cwd": "out"})
    assert response.status_code == 422


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "cmd"),
        ({"cmd": ""}, "cmd"),
        ({"cmd": 7}, "cmd"),
        ({"cmd": "a\0b"}, "NUL"),
        ({"cmd": "x" * 120_001}, "bash -s"),
        ({"cmd": "true", "timeout_s": 0}, "timeout_s"),
        ({"cmd": "true", "timeout_s": 3601}, "timeout_s"),
        ({"cmd": "true", "env": {"A=B": "c"}}, "env"),
        ({"cmd": "true", "surprise": 1}, "surprise"),
    ],
)
async def test_a_wrong_request_is_told_which_field_is_wrong(
    gateway: httpx.AsyncClient, body: dict[str, object], named: str
) -> None:
    response = await gateway.post("/run-bash/", json=body)
    assert response.status_code == 422
    answer = response.json()
    assert (answer["code"], answer["retryable"]) == ("invalid_request", False)
    assert named in answer["error"]


async def test_a_body_that_is_no_json_gets_the_same_shape_of_error(gateway: httpx.AsyncClient) -> None:
    response = await gateway.post(
        "/run-bash/", content=b"{cmd: true", headers={"Content-Type": "application/json"}
    )
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_time_out_ends_the_command_and_says_so(gateway: httpx.AsyncClient) -> None:
    answer = await run(gateway, "echo before; sleep 60; echo after", timeout_s=0.3)
    assert answer["timed_out"] is True
    assert answer["output"] == "before\n"
    assert answer["exit_code"] == 128 + 15


SPAWN_STYLES = {
    "in the background": "sleep {0} & sleep 60",
    "nohup": "nohup sleep {0} >/dev/null 2>&1 & sleep 60",
    "setsid": "setsid sleep {0} & sleep 60",
    "double fork": "( ( setsid sleep {0} >/dev/null 2>&1 & ) & ); sleep 60",
    "TERM ignored in the shell": "trap '' TERM; sleep {0}; sleep {0}",
    "TERM ignored in a child": "(trap '' TERM; exec sleep {0}) & sleep 60",
    "pipe held open": "(exec setsid sleep {0}) & exec sleep 60",
}


@pytest.mark.parametrize("style", SPAWN_STYLES)
async def test_nothing_is_left_alive_after_a_time_out(gateway: httpx.AsyncClient, style: str) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    answer = await run(gateway, SPAWN_STYLES[style].format(mark), timeout_s=0.3)
    assert answer["timed_out"] is True
    assert processes.with_argument(mark) == []


@pytest.mark.parametrize("style", SPAWN_STYLES)
async def test_nothing_is_left_alive_after_the_caller_went_away(
    gateway: httpx.AsyncClient, style: str
) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    with pytest.raises(httpx.ReadTimeout):
        await gateway.post("/run-bash/", json={"cmd": SPAWN_STYLES[style].format(mark)}, timeout=0.5)
    assert await processes.eventually(lambda: processes.with_argument(mark) == [], within_s=2)


async def test_what_a_finished_command_leaves_in_the_background_is_ended(gateway: httpx.AsyncClient) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    answer = await run(gateway, f"setsid sleep {mark} & echo started")
    assert (answer["output"], answer["exit_code"], answer["timed_out"]) == ("started\n", 0, False)
    assert processes.with_argument(mark) == []


async def test_late_output_of_a_background_process_is_still_read(gateway: httpx.AsyncClient) -> None:
    answer = await run(gateway, "(sleep 0.1; echo late) & echo early")
    assert answer["output"] == "early\nlate\n"


async def test_a_command_cannot_reach_its_guard_where_the_kernel_has_signal_scopes(
    gateway: httpx.AsyncClient,
) -> None:
    answer = await run(gateway, "kill -9 $PPID && echo killed")
    isolation = (await gateway.get("/version")).json()["command_isolation"]
    if isolation != "landlock-signals":
        pytest.skip(f"this kernel has no Landlock signal scope (isolation: {isolation})")
    assert "Operation not permitted" in str(answer["error"])
    assert answer["output"] == ""


async def test_a_command_cannot_read_the_folder_of_secrets(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    token_file = make_settings().run_dir / "api-token"
    token_file.write_text("secret")
    answer = await run(gateway, f"cat {token_file}")
    if (await gateway.get("/version")).json()["command_isolation"] == "none":
        pytest.skip("this kernel has no Landlock")
    assert "Permission denied" in str(answer["error"])
    assert answer["output"] == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every process; run as an ordinary user")
async def test_a_command_cannot_read_the_environment_of_a_process_outside(gateway: httpx.AsyncClient) -> None:
    answer = await run(gateway, f"cat /proc/{os.getpid()}/environ; cat /proc/{os.getpid()}/maps")
    if (await gateway.get("/version")).json()["command_isolation"] == "none":
        pytest.skip("this kernel has no Landlock")
    assert str(answer["error"]).count("Permission denied") == 2
    assert answer["output"] == ""


async def test_isolated_commands_can_still_do_what_shells_do(gateway: httpx.AsyncClient) -> None:
    script = """
      set -e
      mkdir -p a b && echo x > a/f && mv a/f b/g && ln b/g a/hard && cat a/hard
      t=$(mktemp) && cp b/g "$t" && mv "$t" ./from-tmp && cat from-tmp
      cat < <(echo substituted); cat <<< herestring; cat /dev/stdin <<< again
      sleep 60 & kill $! ; wait $! || true
      git init -q r && git -C r -c user.name=n -c user.email=e@x commit -q --allow-empty -m m
      python3 -c 'import multiprocessing as m; print(m.Pool(2).map(abs, [-1, -2]))'
    """
    answer = await run(gateway, script)
    assert answer["output"] == "x\nx\nsubstituted\nherestring\nagain\n[1, 2]\n", answer
    assert answer["exit_code"] == 0


async def test_processes_that_start_again_what_is_killed_are_ended(gateway: httpx.AsyncClient) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    phoenix = f"(trap '' TERM; while :; do sleep {mark} & wait; done) >/dev/null 2>&1 &"
    answer = await run(gateway, f"for i in $(seq 30); do {phoenix} done; sleep 60", timeout_s=0.5)
    assert answer["timed_out"] is True
    assert processes.with_argument(mark) == []


@pytest.mark.skipif(
    processes.limit() > 1000, reason="a fork bomb is let loose only where few processes may run"
)
async def test_a_fork_bomb_is_ended(gateway: httpx.AsyncClient) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    bomb = f"f() {{ sleep {mark} & f & f & wait; }}; f 2>/dev/null"
    answer = await run(gateway, bomb, timeout_s=1)
    assert answer["timed_out"] is True
    assert processes.with_argument(mark) == []


async def test_large_output_keeps_its_first_and_last_part_and_the_true_count(
    gateway: httpx.AsyncClient,
) -> None:
    answer = await run(gateway, "echo first; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last")
    output = str(answer["output"])
    assert answer["truncated"] is True
    assert answer["output_bytes"] == 20_000_000 + len("first\n\nlast\n")
    assert output.startswith("first\nxxx")
    assert output.endswith("xxx\nlast\n")
    assert "bytes left out" in output
    assert len(output) < 1024 * 1024


async def test_a_flood_is_stopped_by_its_time_limit_and_answered_with_its_first_and_last_part(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    spool = SpoolLimits(per_command=16_000_000, reserve=0)
    gateway = await start_gateway(make_settings(spool=spool))
    response = await gateway.post("/run-bash/", json={"cmd": "yes", "timeout_s": 2})
    assert len(response.content) <= 1024 * 1024
    answer = response.json()
    assert (answer["timed_out"], answer["truncated"], answer["error"]) == (True, True, "")
    assert answer["output_bytes"] > 50_000_000
    head, _, rest = answer["output"].partition("\n[... ")
    left_out, _, tail = rest.partition(" bytes left out ...]\n")
    assert re.fullmatch(r"(y\n)+y?", head)
    assert re.fullmatch(r"\n?(y\n)+y?", tail)
    assert min(len(head), len(tail)) > 300_000
    assert answer["output_bytes"] == len(head) + int(left_out) + len(tail)
    kept = await gateway.get(f"/commands/{answer['id']}/output")
    assert (kept.status_code, len(kept.content)) == (206, 16_000_000)
    assert kept.content == b"y\n" * 8_000_000
    assert kept.headers["content-range"] == f"bytes 0-15999999/{answer['output_bytes']}"


# Floods, and tells how many bytes it has written when it is ended.
COUNTING_FLOOD = """
import os, signal
going = True
def stop(number, frame):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
written = 0
while going:
    written += os.write(1, b"y" * 65536)
with open("written", "w") as file:
    file.write(str(written))
"""


async def test_a_flood_is_counted_to_the_byte_although_it_was_ended(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    (make_settings().workspace / "flood.py").write_text(COUNTING_FLOOD)
    answer = await run(gateway, "exec python3 flood.py", timeout_s=2)
    written = int((make_settings().workspace / "written").read_text())
    assert (answer["timed_out"], answer["truncated"]) == (True, True)
    assert written > 10_000_000
    assert answer["output_bytes"] == written


async def test_one_line_of_100_mb_is_shown_in_part_and_to_be_had_as_a_whole(
    gateway: httpx.AsyncClient,
) -> None:
    size = 100_000_000
    cmd = f"echo -n first; head -c {size} /dev/zero | tr '\\0' x; echo -n last"
    response = await gateway.post("/run-bash/", json={"cmd": cmd})
    assert len(response.content) <= 1024 * 1024
    answer = response.json()
    assert (answer["truncated"], answer["output_bytes"]) == (True, size + len("firstlast"))
    assert answer["output"].startswith("firstxxx")
    assert answer["output"].endswith("xxxlast")
    path = f"/commands/{answer['id']}/output"
    digest = hashlib.sha256()
    async with gateway.stream("GET", path) as whole:
        assert whole.status_code == 200
        async for piece in whole.aiter_bytes():
            digest.update(piece)
    expected = hashlib.sha256(b"first")
    for _ in range(100):
        expected.update(b"x" * (size // 100))
    expected.update(b"last")
    assert digest.digest() == expected.digest()
    part = await gateway.get(path, headers={"Range": f"bytes={size}-"})
    assert (part.status_code, part.content) == (206, b"xxxxxlast")


async def test_bytes_that_are_no_text_become_replacement_characters(gateway: httpx.AsyncClient) -> None:
    answer = await run(gateway, "printf 'a\\377b\\303\\244'")
    assert (answer["output"], answer["output_bytes"]) == ("a\ufffdbä", 5)


async def test_the_seventeenth_command_is_refused_for_now(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(commands=CommandLimits(concurrent=2)))
    running = [asyncio.create_task(run(gateway, "cat fifo")) for _ in range(2)]
    os.mkfifo(make_settings().workspace / "fifo")
    assert await processes.eventually(lambda: len(processes.with_argument("cat\0fifo")) >= 2)
    refused = await gateway.post("/run-bash/", json={"cmd": "true"})
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["code"] == "too_many_commands"
    assert refused.json()["retryable"] is True
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    async with asyncio.timeout(10):
        while (await gateway.post("/run-bash/", json={"cmd": "echo free"})).status_code == 429:
            await asyncio.sleep(0.01)
    assert processes.with_argument("cat\0fifo") == []


async def test_a_stream_tells_events_in_order_while_they_happen(gateway: httpx.AsyncClient) -> None:
    events = []
    wanted = {"cmd": "echo one; read -t 0.3 x < <(sleep 9); echo two >&2; exit 5", "stream": True}
    async with gateway.stream("POST", "/run-bash/", json=wanted) as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        async for line in response.aiter_lines():
            events.append(json.loads(line))
    assert [event["seq"] for event in events] == [0, 1, 2, 3]
    assert [event["type"] for event in events] == ["start", "stdout", "stderr", "exit"]
    assert (events[1]["text"], events[2]["text"]) == ("one\n", "two\n")
    assert (events[3]["exit_code"], events[3]["output_bytes"], events[3]["error_bytes"]) == (5, 4, 4)


async def test_a_stream_carries_everything_a_slow_reader_wants(gateway: httpx.AsyncClient) -> None:
    received = 0
    wanted = {"cmd": "head -c 8000000 /dev/zero | tr '\\0' x", "stream": True}
    async with gateway.stream("POST", "/run-bash/", json=wanted) as response:
        async for line in response.aiter_lines():
            event = json.loads(line)
            received += len(event.get("text", ""))
            if received < 500_000:
                await asyncio.sleep(0.05)
    assert (received, event["output_bytes"], event["exit_code"]) == (8_000_000, 8_000_000, 0)


async def test_leaving_a_stream_ends_the_command(gateway: httpx.AsyncClient) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    wanted = {"cmd": f"echo on; sleep {mark}", "stream": True}
    async with gateway.stream("POST", "/run-bash/", json=wanted) as response:
        async for line in response.aiter_lines():
            if json.loads(line)["type"] == "stdout":
                break
    assert await processes.eventually(lambda: processes.with_argument(mark) == [])


async def test_commands_leave_no_descriptor_and_no_process_behind(gateway: httpx.AsyncClient) -> None:
    await run(gateway, "true")
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    # The guard that stands ready for the next command.
    children = processes.children_of(os.getpid())
    for _ in range(20):
        await run(gateway, "echo x")
    assert len(list(descriptors.iterdir())) <= before
    assert processes.children_of(os.getpid()) == children
    assert len(children) == 1
