"""Commands in the background, their events and their whole output; request ids."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path

import httpx
import pytest

import processes
from conftest import MakeSettings, StartGateway
from lm_gateway.settings import CommandLimits, SpoolLimits


async def start(gateway: httpx.AsyncClient, cmd: str, **fields: object) -> str:
    response = await gateway.post("/commands", json={"cmd": cmd, **fields})
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


async def status(gateway: httpx.AsyncClient, command_id: str) -> dict[str, object]:
    response = await gateway.get(f"/commands/{command_id}")
    assert response.status_code == 200, response.text
    found: dict[str, object] = response.json()
    return found


async def events(gateway: httpx.AsyncClient, command_id: str, after: int = -1) -> list[dict[str, object]]:
    """All events up to the command's end."""
    response = await gateway.get(f"/commands/{command_id}/events", params={"after": after})
    assert response.status_code == 200
    return [json.loads(line) for line in response.text.splitlines()]


# ---- in the background ----


async def test_a_command_in_the_background_is_started_inspected_and_listed(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    command_id = await start(gateway, "echo hello; echo oops >&2; exit 3")
    await events(gateway, command_id)
    found = await status(gateway, command_id)
    assert isinstance(found.pop("pid"), int)
    assert isinstance(found.pop("duration_ms"), int)
    assert str(found.pop("started_at")).endswith("Z")
    assert found == {
        "id": command_id,
        "state": "exited",
        "cmd": "echo hello; echo oops >&2; exit 3",
        "cwd": str(make_settings().workspace),
        "request_id": None,
        "background": True,
        "stdin_open": False,
        "exit_code": 3,
        "timed_out": False,
        "output_bytes": 6,
        "error_bytes": 5,
        "output_kept_bytes": 6,
        "error_kept_bytes": 5,
        "last_seq": 3,
    }
    listed = (await gateway.get("/commands")).json()["commands"]
    assert [command["id"] for command in listed] == [command_id]


async def test_commands_are_listed_newest_first_a_page_at_a_time(gateway: httpx.AsyncClient) -> None:
    ids = [(await gateway.post("/run-bash/", json={"cmd": "true"})).json()["id"] for _ in range(5)]
    listed: list[str] = []
    sizes: list[int] = []
    after: dict[str, str] = {}
    while len(sizes) < 3:
        page = (await gateway.get("/commands", params={"limit": 2, **after})).json()
        listed += [command["id"] for command in page["commands"]]
        sizes.append(len(page["commands"]))
        after = {"after": page["next"]} if page["next"] else {}
        # What starts between two pages is on neither of them.
        await gateway.post("/run-bash/", json={"cmd": "true"})
    assert (listed, sizes, after) == (ids[::-1], [2, 2, 1], {})


async def test_a_page_of_commands_has_a_usual_and_a_greatest_size(
    gateway: httpx.AsyncClient,
) -> None:
    described = (await gateway.get("/openapi.json")).json()["paths"]["/commands"]["get"]
    parameters = {parameter["name"]: parameter["schema"] for parameter in described["parameters"]}
    assert set(parameters) == {"limit", "after"}
    usual, greatest = parameters["limit"]["default"], parameters["limit"]["maximum"]
    for _ in range(usual + 1):
        await gateway.post("/run-bash/", json={"cmd": "true"})
    page = (await gateway.get("/commands")).json()
    assert (len(page["commands"]), page["next"] is None) == (usual, False)
    rest = (await gateway.get("/commands", params={"limit": greatest, "after": page["next"]})).json()
    assert (len(rest["commands"]), rest["next"]) == (1, None)
    for wrong in ({"limit": 0}, {"limit": greatest + 1}, {"after": "first"}, {"after": ""}, {"after": "-1"}):
        assert (await gateway.get("/commands", params=wrong)).status_code == 422, wrong


async def test_a_page_goes_on_behind_a_command_that_was_forgotten_meanwhile(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(commands=CommandLimits(remembered=3)))
    ids = [(await gateway.post("/run-bash/", json={"cmd": "true"})).json()["id"] for _ in range(3)]
    page = (await gateway.get("/commands", params={"limit": 2})).json()
    assert [command["id"] for command in page["commands"]] == [ids[2], ids[1]]
    for _ in range(2):
        await gateway.post("/run-bash/", json={"cmd": "true"})
    assert (await gateway.get(f"/commands/{ids[1]}")).status_code == 404
    assert (await gateway.get("/commands", params={"after": page["next"]})).json()["commands"] == []


async def test_a_command_that_somebody_waits_for_is_listed_too(gateway: httpx.AsyncClient) -> None:
    answer = (await gateway.post("/run-bash/", json={"cmd": "echo x"})).json()
    found = await status(gateway, answer["id"])
    assert (found["background"], found["state"], found["output_bytes"]) == (False, "exited", 2)


async def test_what_is_not_there_is_not_found(gateway: httpx.AsyncClient) -> None:
    for path in ("", "/events", "/output"):
        assert (await gateway.get(f"/commands/none{path}")).json()["code"] == "not_found"


async def test_a_command_reads_what_is_written_to_its_standard_input(gateway: httpx.AsyncClient) -> None:
    command_id = await start(gateway, "read line; echo got $line; wc -c", stdin_open=True)
    assert (await status(gateway, command_id))["stdin_open"] is True
    path = f"/commands/{command_id}/stdin"
    assert (await gateway.post(path, json={"text": "one\n"})).status_code == 204
    assert (await gateway.post(path, json={"text": "x" * 200_000, "eof": True})).status_code == 204
    assert (await gateway.get(f"/commands/{command_id}/events")).status_code == 200
    output = (await gateway.get(f"/commands/{command_id}/output")).text
    assert output.split() == ["got", "one", "200000"]
    refused = await gateway.post(path, json={"text": "late"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


async def test_without_an_open_standard_input_there_is_nothing_to_write_to(
    gateway: httpx.AsyncClient,
) -> None:
    command_id = await start(gateway, "cat; echo done")
    refused = await gateway.post(f"/commands/{command_id}/stdin", json={"text": "x"})
    assert refused.status_code == 409
    assert "stdin_open" in refused.json()["error"]


async def test_writing_to_a_command_that_does_not_read_waits_until_it_ends(
    gateway: httpx.AsyncClient,
) -> None:
    command_id = await start(gateway, "sleep 60", stdin_open=True)
    writing = asyncio.create_task(gateway.post(f"/commands/{command_id}/stdin", json={"text": "x" * 250_000}))
    await asyncio.wait([writing], timeout=0.2)
    assert not writing.done()
    await gateway.delete(f"/commands/{command_id}")
    assert (await writing).status_code == 409


async def test_deleting_ends_a_command_and_all_it_started(gateway: httpx.AsyncClient) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    command_id = await start(gateway, f"trap '' TERM; setsid sleep {mark} & sleep {mark}; sleep {mark}")
    assert await processes.eventually(lambda: len(processes.with_argument("sleep\0" + mark)) >= 2)
    ended = await gateway.delete(f"/commands/{command_id}")
    assert (ended.status_code, ended.json()["state"], ended.json()["exit_code"]) == (200, "exited", 137)
    assert processes.with_argument(mark) == []
    assert (await gateway.delete(f"/commands/{command_id}")).json()["exit_code"] == 137


async def test_a_command_can_clean_up_when_it_is_ended_gently_and_not_when_at_once(
    gateway: httpx.AsyncClient,
) -> None:
    cmd = "trap 'echo bye; exit 4' TERM; echo on; while :; do sleep 0.01; done"
    for query, code, output in (("", 4, "on\nbye\n"), ("?at_once=true", 137, "on\n")):
        command_id = await start(gateway, cmd)
        async with gateway.stream("GET", f"/commands/{command_id}/events") as response:
            async for line in response.aiter_lines():
                if json.loads(line)["type"] == "stdout":
                    break
        assert (await gateway.delete(f"/commands/{command_id}{query}")).json()["exit_code"] == code
        assert (await gateway.get(f"/commands/{command_id}/output")).text == output


async def test_commands_in_the_background_have_a_limit_of_their_own(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(commands=CommandLimits(background_concurrent=1)))
    command_id = await start(gateway, "sleep 60")
    refused = await gateway.post("/commands", json={"cmd": "true"})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_commands")
    assert refused.headers["Retry-After"] == "1"
    assert (await gateway.post("/run-bash/", json={"cmd": "echo x"})).status_code == 200
    await gateway.delete(f"/commands/{command_id}")
    assert (await gateway.post("/commands", json={"cmd": "true"})).status_code == 202


# ---- events ----


async def test_events_continue_behind_a_number(gateway: httpx.AsyncClient) -> None:
    command_id = await start(gateway, "echo one; read -t 0.2 x < <(sleep 9); echo two")
    whole = await events(gateway, command_id)
    assert [event["type"] for event in whole] == ["start", "stdout", "stdout", "exit"]
    assert [event["seq"] for event in whole] == [0, 1, 2, 3]
    assert (whole[2]["offset"], whole[2]["text"]) == (4, "two\n")
    assert await events(gateway, command_id, after=1) == whole[2:]
    assert await events(gateway, command_id, after=99) == []


async def test_events_come_as_server_sent_events_when_they_are_asked_for(gateway: httpx.AsyncClient) -> None:
    headers = {"Accept": "text/event-stream"}
    response = await gateway.post("/run-bash/", json={"cmd": "cat; exit 2", "stdin": "a\nb"}, headers=headers)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    messages = [
        dict(line.split(": ", 1) for line in message.split("\n"))
        for message in response.text.removesuffix("\n\n").split("\n\n")
    ]
    assert [(message["event"], message["id"]) for message in messages] == [
        ("start", "0"),
        ("stdout", "1"),
        ("exit", "2"),
    ]
    assert json.loads(messages[1]["data"])["text"] == "a\nb"
    assert json.loads(messages[2]["data"])["exit_code"] == 2
    command_id = response.headers["X-Command-Id"]
    again = await gateway.get(f"/commands/{command_id}/events", headers={**headers, "Last-Event-ID": "1"})
    assert again.text.startswith("event: exit\nid: 2\n")


async def test_events_that_are_no_longer_kept_are_told_as_truncated(gateway: httpx.AsyncClient) -> None:
    command_id = await start(gateway, "head -c 3000000 /dev/zero | tr '\\0' x; echo end")
    while (await status(gateway, command_id))["state"] == "running":
        await asyncio.sleep(0.01)
    told = await events(gateway, command_id)
    assert (told[0]["type"], told[0]["first_seq"]) == ("truncated", 0)
    assert told[1]["seq"] == int(str(told[0]["last_seq"])) + 1
    assert told[-1]["type"] == "exit"
    kept = "".join(str(event["text"]) for event in told if event["type"] == "stdout")
    assert kept.endswith("xend\n")
    assert told[1]["offset"] == 3_000_004 - len(kept)


# ---- the same request again ----


async def test_a_request_id_runs_a_command_once(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    body = {"cmd": "echo ran >> runs; echo x", "request_id": "once-1"}
    first = await gateway.post("/run-bash/", json=body)
    again = await gateway.post("/run-bash/", json=body)
    assert again.json() == {**first.json(), "replayed": True}
    assert (first.headers["X-Replayed"], again.headers["X-Replayed"]) == ("false", "true")
    assert (make_settings().workspace / "runs").read_text() == "ran\n"
    other = await gateway.post("/run-bash/", json={**body, "cmd": "echo y"})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


async def test_a_request_id_of_a_running_command_waits_for_it(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    body = {"cmd": "echo ran >> runs; read -t 0.4 x < <(sleep 9); echo x", "request_id": "together"}
    answers = await asyncio.gather(*(gateway.post("/run-bash/", json=body) for _ in range(4)))
    assert sorted(answer.json()["replayed"] for answer in answers) == [False, True, True, True]
    assert {answer.json()["output"] for answer in answers} == {"x\n"}
    assert (make_settings().workspace / "runs").read_text() == "ran\n"


async def test_a_caller_that_was_cut_off_gets_the_result_under_its_request_id(
    gateway: httpx.AsyncClient,
) -> None:
    body = {"cmd": "read -t 0.8 x < <(sleep 9); echo survived", "request_id": "cut-off"}
    with pytest.raises(httpx.ReadTimeout):
        await gateway.post("/run-bash/", json=body, timeout=0.3)
    answer = (await gateway.post("/run-bash/", json=body)).json()
    assert (answer["output"], answer["replayed"]) == ("survived\n", True)


async def test_a_request_that_was_refused_leaves_its_id_free(gateway: httpx.AsyncClient) -> None:
    body = {"cmd": "echo x", "request_id": "refused", "cwd": "missing"}
    assert (await gateway.post("/run-bash/", json=body)).status_code == 422
    assert (await gateway.post("/run-bash/", json={**body, "cwd": "."})).json()["replayed"] is False


async def test_a_result_that_was_dropped_for_others_is_not_run_again(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(commands=CommandLimits(remembered=1)))
    body = {"cmd": "echo x", "request_id": "dropped"}
    assert (await gateway.post("/run-bash/", json=body)).status_code == 200
    await gateway.post("/run-bash/", json={"cmd": "true"})
    again = await gateway.post("/run-bash/", json=body)
    assert again.status_code == 409
    assert "no longer kept" in again.json()["error"]


async def test_ended_commands_are_forgotten_after_a_while(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(commands=CommandLimits(remembered_s=0.1)))
    body = {"cmd": "echo x", "request_id": "brief"}
    await gateway.post("/run-bash/", json=body)
    while (await gateway.get("/commands")).json()["commands"]:
        await asyncio.sleep(0.02)
    assert (await gateway.post("/run-bash/", json=body)).json()["replayed"] is False


# ---- the whole output ----

MANY_LINES = "seq 1 300000"
LINES = "".join(f"{number}\n" for number in range(1, 300_001)).encode()


async def test_the_whole_output_of_a_truncated_command_is_to_be_had(gateway: httpx.AsyncClient) -> None:
    answer = (await gateway.post("/run-bash/", json={"cmd": MANY_LINES})).json()
    assert (answer["truncated"], answer["output_bytes"]) == (True, len(LINES))
    path = f"/commands/{answer['id']}/output"
    whole = await gateway.get(path)
    assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes")
    assert whole.content == LINES
    part = await gateway.get(path, headers={"Range": "bytes=1000000-1000099"})
    assert (part.status_code, part.content) == (206, LINES[1_000_000:1_000_100])
    assert part.headers["content-range"] == f"bytes 1000000-1000099/{len(LINES)}"
    end = await gateway.get(path, headers={"Range": "bytes=-7"})
    assert end.content == b"300000\n"
    behind = await gateway.get(path, headers={"Range": f"bytes={len(LINES)}-"})
    assert (behind.status_code, behind.json()["code"]) == (416, "range_not_satisfiable")
    assert behind.headers["content-range"] == f"bytes */{len(LINES)}"
    assert (await gateway.get(path, params={"stream": "stderr"})).content == b""


async def test_short_output_is_to_be_had_as_bytes_too(gateway: httpx.AsyncClient) -> None:
    answer = (await gateway.post("/run-bash/", json={"cmd": "printf 'a\\377b' >&2"})).json()
    response = await gateway.get(f"/commands/{answer['id']}/output", params={"stream": "stderr"})
    assert response.content == b"a\xffb"


async def test_a_quota_keeps_the_first_part_and_says_how_much_there_was(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    spool = SpoolLimits(per_command=1_000_000, reserve=0)
    gateway = await start_gateway(make_settings(spool=spool))
    answer = (await gateway.post("/run-bash/", json={"cmd": MANY_LINES})).json()
    response = await gateway.get(f"/commands/{answer['id']}/output")
    assert (response.status_code, response.content) == (206, LINES[:1_000_000])
    assert response.headers["content-range"] == f"bytes 0-999999/{len(LINES)}"
    behind = await gateway.get(
        f"/commands/{answer['id']}/output", headers={"Range": f"bytes=1000000-{len(LINES) - 1}"}
    )
    assert (behind.status_code, behind.headers["content-range"]) == (416, f"bytes */{len(LINES)}")
    assert behind.json()["details"] == {"size_bytes": 1_000_000, "complete_bytes": len(LINES)}
    assert answer["output"].endswith("\n300000\n")


async def test_the_oldest_output_goes_when_all_of_them_need_too_much(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    spool = SpoolLimits(per_command=3_000_000, total=6_000_000, reserve=0)
    gateway = await start_gateway(make_settings(spool=spool))
    ids = [(await gateway.post("/run-bash/", json={"cmd": MANY_LINES})).json()["id"] for _ in range(3)]
    sizes = [(await status(gateway, command_id))["output_kept_bytes"] for command_id in ids]
    assert sizes == [384 * 1024, len(LINES), len(LINES)]


async def test_a_full_disk_costs_nothing_but_the_rest_of_the_output(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    # Never as much is free as must be left free.
    gateway = await start_gateway(make_settings(spool=SpoolLimits(reserve=2**60)))
    answer = (await gateway.post("/run-bash/", json={"cmd": MANY_LINES})).json()
    assert (answer["exit_code"], answer["output_bytes"]) == (0, len(LINES))
    response = await gateway.get(f"/commands/{answer['id']}/output")
    assert (response.status_code, response.content) == (206, LINES[: 384 * 1024])


async def test_no_command_finds_the_output_of_another(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    await gateway.post("/run-bash/", json={"cmd": MANY_LINES})
    assert list(make_settings().run_dir.iterdir()) == []


async def test_spools_leave_no_descriptor_behind(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(commands=CommandLimits(remembered=1)))
    await gateway.post("/run-bash/", json={"cmd": MANY_LINES})
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        answer = (await gateway.post("/run-bash/", json={"cmd": MANY_LINES})).json()
        await gateway.get(f"/commands/{answer['id']}/output")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


@pytest.mark.parametrize("piece", [b"y", b"\0", b"\xff", "ä".encode(), b'"', "\U0001f600".encode()])
async def test_an_answer_is_never_longer_than_a_mebibyte(gateway: httpx.AsyncClient, piece: bytes) -> None:
    script = f"import sys\nfor s in sys.stdout, sys.stderr: s.buffer.write({piece!r} * 2000000)"
    response = await gateway.post("/run-bash/", json={"cmd": "python3", "stdin": script})
    assert len(response.content) <= 1024 * 1024
    answer = response.json()
    assert answer["truncated"] is True
    assert answer["output_bytes"] == answer["error_bytes"] == len(piece) * 2_000_000
    for text in (answer["output"], answer["error"]):
        head, _, rest = text.partition("\n[... ")
        _, _, tail = rest.partition(" bytes left out ...]\n")
        assert len(head) > 10_000
        assert len(tail) > 10_000
        assert len(set(head)) == len(set(tail)) == 1
