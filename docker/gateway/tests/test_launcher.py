"""The gateway on a computer itself: programs are started as the app says, under the guard in Python."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

import httpx
import pytest

import processes
from conftest import TOKEN, MakeSettings, StartGateway
from lm_gateway.launcher import Launcher, Place
from lm_gateway.settings import Settings, SettingsError, read_settings
from lm_guard.process import PORTABLE_GUARD_PATH
from test_run_bash import SPAWN_STYLES

# What the app's own launcher does with the folder and the variables, in a few words.
INSIDE = """
cd "$1" || exit 74
shift
each=0
while [ "$each" -lt "$VARIABLE_COUNT" ]; do eval "export \\"\\$VARIABLE_$each\\""; each=$((each + 1)); done
exec "$@"
"""
BUBBLEWRAP = shutil.which("bwrap")


def launcher(settings: Settings, isolation: str) -> Launcher:
    folders = {
        name: Place(folder=folder, inside=folder if isolation == "none" else Path("/") / name)
        for name, folder in (("home", settings.home), ("workspace", settings.workspace))
    }
    command: tuple[str, ...] = ()
    if isolation == "bubblewrap":
        assert BUBBLEWRAP is not None
        command = (BUBBLEWRAP, "--unshare-user", "--unshare-pid", "--die-with-parent", "--new-session")
        for name in ("usr", "bin", "lib", "lib64"):
            command += ("--ro-bind-try", f"/{name}", f"/{name}")
        command += ("--proc", "/proc", "--dev", "/dev")
        for place in folders.values():
            command += ("--bind", str(place.folder), str(place.inside))
        command += ("--", "/bin/bash", "-c", INSIDE, "inside")
    return Launcher.model_validate(
        {
            "isolation": isolation,
            "command": command,
            "terminal_command": command,
            "environment": {"PATH": "/usr/bin:/bin", "HOME": str(folders["home"].inside)},
            "variables": "VARIABLE_" if command else None,
            "shell": "/bin/bash",
            **folders,
        }
    )


# The image has no bubblewrap: with the real one, test/integration/local-api runs the gateway on the computer.
@pytest.fixture(params=["bubblewrap", "none"] if BUBBLEWRAP else ["none"])
async def gateway(
    request: pytest.FixtureRequest, start_gateway: StartGateway, make_settings: MakeSettings
) -> httpx.AsyncClient:
    settings = make_settings(
        guard_path=PORTABLE_GUARD_PATH,
        launcher=launcher(make_settings(), request.param),
        absent_parts=frozenset({"ollama"}),
        remote_parts=frozenset({"llama_cpp"}),
        llama_cpp_url="http://llama-cpp.invalid",
        llama_cpp_socket=make_settings().run_dir / "no.sock",
    )
    return await start_gateway(settings)


async def run(gateway: httpx.AsyncClient, cmd: str, **fields: object) -> dict[str, object]:
    response = await gateway.post("/run-bash/", json={"cmd": cmd, **fields})
    assert response.status_code == 200, response.text
    answer: dict[str, object] = response.json()
    return answer


async def isolation_of(gateway: httpx.AsyncClient) -> str:
    return str((await gateway.get("/health")).json()["isolation"])


async def test_a_command_gets_its_input_its_variables_and_its_exit_code(gateway: httpx.AsyncClient) -> None:
    answer = await run(
        gateway, 'cat; echo "$GREETING" >&2; exit 9', stdin="in\n", env={"GREETING": "grüße\n"}
    )
    assert (answer["output"], answer["error"], answer["exit_code"]) == ("in\n", "grüße\n\n", 9)


async def test_the_app_is_told_which_programs_run_and_they_cannot_reach_that_way(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    gateway = await start_gateway(
        make_settings(
            guard_path=PORTABLE_GUARD_PATH, launcher=launcher(make_settings(), "none"), programs_fd=writer
        )
    )
    try:
        assert (await run(gateway, f"echo 9 >&{writer}"))["exit_code"] != 0
        session = (await gateway.post("/sessions", json={})).json()["id"]
        await run(gateway, "true")
        await gateway.delete(f"/sessions/{session}")
        told = os.read(reader, 4096).decode().splitlines()
        assert [len(line.split()) for line in told] == [1, 0, 1, 2, 1, 0]
    finally:
        os.close(reader)
        os.close(writer)


async def test_a_signal_is_told_as_a_shell_does_and_nothing_is_said_of_it(gateway: httpx.AsyncClient) -> None:
    answer = await run(gateway, "kill -9 $$")
    assert (answer["exit_code"], answer["error"]) == (137, "")


async def test_variables_have_no_effect_on_what_starts_the_command(
    gateway: httpx.AsyncClient, tmp_path: Path
) -> None:
    script = tmp_path / "workspace" / "evil"
    script.write_text(f"touch {tmp_path}/outside\n")
    variables = {"BASH_ENV": str(script), "LD_PRELOAD": str(script)}
    isolation = await isolation_of(gateway)
    await run(gateway, "true", env=variables)
    assert (tmp_path / "outside").exists() is (isolation == "none")


@pytest.mark.parametrize("style", SPAWN_STYLES)
async def test_nothing_is_left_alive_after_a_time_out(gateway: httpx.AsyncClient, style: str) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    answer = await run(gateway, SPAWN_STYLES[style].format(mark), timeout_s=0.5)
    assert answer["timed_out"] is True
    assert processes.with_argument(mark) == []


async def test_what_a_command_leaves_in_the_background_may_end_by_itself_for_a_moment(
    gateway: httpx.AsyncClient,
) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    answer = await run(gateway, f"(sleep 0.1; echo late) & setsid sleep {mark} & echo early")
    assert (answer["output"], answer["exit_code"]) == ("early\nlate\n", 0)
    assert processes.with_argument(mark) == []


async def test_a_command_is_asked_to_end_before_it_is_killed(gateway: httpx.AsyncClient) -> None:
    answer = await run(gateway, "trap 'echo asked; exit 7' TERM; while :; do sleep 0.01; done", timeout_s=0.5)
    assert (answer["timed_out"], answer["output"]) == (True, "asked\n")


async def test_a_folder_is_named_as_commands_find_it(gateway: httpx.AsyncClient) -> None:
    inside = str((await run(gateway, "mkdir -p below; pwd"))["output"]).strip()
    for cwd in ("below", f"{inside}/below"):
        assert (await run(gateway, "pwd", cwd=cwd))["output"] == f"{inside}/below\n"
    refused = await gateway.post("/run-bash/", json={"cmd": "pwd", "cwd": "/etc"})
    assert refused.status_code == 422
    assert f"inside {inside};" in refused.text
    stored = await gateway.put(f"/files/{inside}/below/file", content=b"text")
    assert stored.status_code == 201, stored.text
    assert (await run(gateway, "cat below/file"))["output"] == "text"


async def test_health_says_what_isolates_and_which_parts_there_are(gateway: httpx.AsyncClient) -> None:
    health = (await gateway.get("/health")).json()
    assert health["parts"]["ollama"]["state"] == "absent"
    assert health["parts"]["llama_cpp"]["state"] == "unreachable"
    warned = any("nothing isolates commands" in warning for warning in health["warnings"])
    assert warned is (health["isolation"] == "none")
    assert (await gateway.get("/version")).json()["command_isolation"] == health["isolation"]


async def test_a_part_that_there_is_not_is_told_as_such(gateway: httpx.AsyncClient) -> None:
    body = {"messages": [{"role": "user", "content": "Hello"}]}
    for model, said in (("ollama/x", "is not part of this sandbox"), ("llama.cpp/x", "does not answer")):
        answer = await gateway.post("/v1/chat/completions", json={**body, "model": model})
        assert answer.status_code == 503
        assert said in answer.json()["error"]["message"]


def test_a_file_that_says_nothing_of_use_is_named(tmp_path: Path) -> None:
    environment = {"LM_API_TOKEN": TOKEN, "LM_LAUNCHER_FILE": str(tmp_path / "launcher.json")}
    with pytest.raises(SettingsError, match=r"launcher\.json cannot be read"):
        read_settings(environment)
    (tmp_path / "launcher.json").write_text('{"isolation": "hope"}')
    with pytest.raises(SettingsError, match="does not say how programs are started"):
        read_settings(environment)
