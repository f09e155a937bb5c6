"""The gateway's and the supervisor's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lm_gateway import settings as gateway
from lm_supervisor import settings as supervisor

TOKEN = "0123456789abcdef"
SOURCES = str(Path(gateway.__file__).parents[1])


@pytest.mark.parametrize("environment", [{}, {"LM_API_TOKEN": ""}, {"LM_API_TOKEN": "short"}])
def test_neither_starts_without_a_usable_token(environment: dict[str, str]) -> None:
    with pytest.raises(gateway.SettingsError, match="LM_API_TOKEN_FILE"):
        gateway.read_settings(environment)
    with pytest.raises(supervisor.SettingsError, match="token"):
        supervisor.read_settings(environment, "python")


@pytest.mark.parametrize("module", ["lm_gateway", "lm_supervisor"])
def test_without_a_token_the_program_ends_with_78_and_one_clear_line(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", module],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 78
    assert ended.stderr.count("\n") == 1
    assert "LM_API_TOKEN" in ended.stderr


def test_the_token_comes_from_a_file_or_a_descriptor(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    assert gateway.read_settings({"LM_API_TOKEN_FILE": str(tmp_path / "token")}).token == TOKEN
    read_fd, write_fd = os.pipe()
    os.write(write_fd, TOKEN.encode())
    os.close(write_fd)
    assert gateway.read_settings({"LM_API_TOKEN_FD": str(read_fd)}).token == TOKEN
    os.close(read_fd)
    with pytest.raises(gateway.SettingsError, match="cannot be read"):
        gateway.read_settings({"LM_API_TOKEN_FILE": str(tmp_path / "missing")})


def test_the_token_is_in_no_environment_of_a_part() -> None:
    settings = supervisor.read_settings({"LM_API_TOKEN": TOKEN, "PATH": "/bin", "HOME": "/h"}, "python")
    for part in settings.parts:
        assert TOKEN not in str(part.environment)
        assert TOKEN not in str(part.arguments)
    assert [part.name for part in settings.parts if part.secret == TOKEN] == ["gateway"]
    assert settings.warnings


def test_a_file_of_tokens_must_be_good_and_lie_where_no_command_reads(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    environment = {"LM_API_TOKENS_FILE": str(file), "LM_RUN_DIR": str(tmp_path)}
    for wrong, problem in ((None, "cannot be read"), ("x", "line 1 is not")):
        if wrong is not None:
            file.write_text(wrong)
        with pytest.raises(supervisor.SettingsError, match=problem):
            supervisor.read_settings(environment, "python")
    file.write_text(f"agent:exec:{TOKEN}")
    part = next(part for part in supervisor.read_settings(environment, "python").parts if part.secret is None)
    settings = gateway.read_settings(part.environment)
    assert (settings.token, settings.tokens_file) == (None, file)
    for elsewhere in ({"LM_RUN_DIR": "/run/x"}, {"LM_API_TOKENS_FILE": f"{tmp_path}/../tokens"}):
        with pytest.raises(supervisor.SettingsError, match="where commands can read it"):
            supervisor.read_settings(environment | elsewhere, "python")


def test_a_limit_must_be_a_number() -> None:
    environment = {"LM_API_TOKEN": TOKEN, "LM_REQUESTS_PER_SECOND": "12.5"}
    assert gateway.read_settings(environment).requests.per_second == 12.5
    for wrong in ("many", "-1", "nan", "inf"):
        with pytest.raises(gateway.SettingsError, match="LM_REQUESTS_PER_SECOND"):
            gateway.read_settings(environment | {"LM_REQUESTS_PER_SECOND": wrong})


def test_how_many_commands_may_run_at_a_time_is_a_setting() -> None:
    environment = {"LM_API_TOKEN": TOKEN}
    assert gateway.read_settings(environment).commands.concurrent == 16
    assert gateway.read_settings(environment | {"LM_COMMANDS_AT_A_TIME": "64"}).commands.concurrent == 64
    for wrong in ("0", "-1", "1.5", "many", "²"):
        with pytest.raises(gateway.SettingsError, match="LM_COMMANDS_AT_A_TIME"):
            gateway.read_settings(environment | {"LM_COMMANDS_AT_A_TIME": wrong})


def test_a_token_from_a_file_needs_no_warning(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    settings = supervisor.read_settings({"LM_API_TOKEN_FILE": str(tmp_path / "token")}, "python")
    assert settings.warnings == ()


def test_model_servers_listen_on_the_loopback_only_with_their_ports_named() -> None:
    settings = supervisor.read_settings(
        {"LM_API_TOKEN": TOKEN, "LLAMA_ARG_HOST": "0.0.0.0", "LLAMA_ARG_PORT": "1", "OLLAMA_HOST": "0.0.0.0"},
        "python",
    )
    parts = {part.name: part for part in settings.parts}
    assert parts["ollama"].environment["OLLAMA_HOST"] == "127.0.0.1:11434"
    assert parts["ollama"].environment["OLLAMA_NO_CLOUD"] == "1"
    llama = " ".join(parts["llama_cpp"].arguments)
    assert "--host 127.0.0.1 --port 9931" in llama
    assert "--models-dir /models/gguf" in llama
    assert not set(parts["llama_cpp"].environment) & set(supervisor.NEVER_PASSED_ON)


def test_settings_of_llama_server_are_passed_on_but_those_that_run_commands() -> None:
    environment = {"LM_API_TOKEN": TOKEN, "LLAMA_ARG_N_GPU_LAYERS": "99", "LLAMA_ARG_TOOLS": "all"}
    environment |= {"LLAMA_ARG_MODEL": "/models/gguf/one.gguf", "SECRET": "x"}
    parts = {part.name: part for part in supervisor.read_settings(environment, "python").parts}
    assert parts["llama_cpp"].environment == {
        "LLAMA_ARG_N_GPU_LAYERS": "99",
        "LLAMA_ARG_MODEL": "/models/gguf/one.gguf",
    }
    assert "--models-dir" not in parts["llama_cpp"].arguments


def test_a_part_can_be_switched_off_and_nonsense_is_refused() -> None:
    parts = supervisor.read_settings({"LM_API_TOKEN": TOKEN, "LM_OLLAMA": "off"}, "python").parts
    assert {part.name: part.enabled for part in parts} == {
        "gateway": True,
        "ollama": False,
        "llama_cpp": True,
    }
    for wrong in ({"LM_OLLAMA": "no"}, {"LM_LLAMA_CPP_PORT": "99999"}, {"LM_GATEWAY_PORT": "x"}):
        with pytest.raises(supervisor.SettingsError, match=next(iter(wrong))):
            supervisor.read_settings({"LM_API_TOKEN": TOKEN, **wrong}, "python")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; run as an ordinary user")
def test_a_folder_that_cannot_be_written_is_named_with_its_repair(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    environment = {"LM_API_TOKEN": TOKEN, "LM_MODELS_DIR": str(locked), "LM_RUN_DIR": str(tmp_path)}
    with pytest.raises(supervisor.SettingsError, match=r"locked/gguf cannot be made .* must belong to user"):
        supervisor.prepare_folders(supervisor.read_settings(environment, "python"))
    environment |= {"LM_MODELS_DIR": str(tmp_path), "LM_RUN_DIR": str(locked)}
    with pytest.raises(supervisor.SettingsError, match=r"locked cannot be written; .* tmpfs"):
        supervisor.prepare_folders(supervisor.read_settings(environment, "python"))


def test_commands_inherit_only_harmless_variables() -> None:
    settings = gateway.read_settings(
        {"LM_API_TOKEN": TOKEN, "PATH": "/bin", "LC_ALL": "C", "AWS_SECRET": "x", "LM_OLLAMA_URL": "http://o"}
    )
    assert settings.command_environment == {"PATH": "/bin", "LC_ALL": "C"}
    assert settings.ollama_url == "http://o"
