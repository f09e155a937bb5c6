"""The supervisor's settings, from the environment of the container. docker/README.md lists them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lm_gateway.http.open_access import OPEN_WARNING, OpenAccessError, read_open_access
from lm_gateway.http.token_file import SHORTEST_TOKEN, TokenFileError, is_usable, read_token_file
from lm_gateway.settings import SettingsError as GatewaySettingsError
from lm_gateway.settings import read_tokens_path
from lm_guard.process import DEFAULT_GUARD_PATH
from lm_supervisor.backoff import Backoff

PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
)
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
GPU_PREFIXES = ("CUDA_", "NVIDIA_", "HIP_", "ROCR_", "HSA_", "GGML_")
# A model that computes on all processors must not keep its own words waiting: the gateway (0) passes them on.
# Terminals have 2, commands 5 (lm_gateway/settings.py).
RUNTIME_NICE = 3
# These let a client of llama-server run commands or read files, past the gateway's token and limits.
NEVER_PASSED_ON = (
    "LLAMA_ARG_TOOLS",
    "LLAMA_ARG_AGENT",
    "LLAMA_ARG_MCP_SERVERS_CONFIG",
    "LLAMA_ARG_MCP_SERVERS_JSON",
    "LLAMA_ARG_UI_MCP_PROXY",
    "LLAMA_ARG_WEBUI_MCP_PROXY",
    "LLAMA_ARG_HOST",
    "LLAMA_ARG_PORT",
)


class SettingsError(Exception):
    """A setting that the supervisor cannot start with. The text names the repair."""


@dataclass(frozen=True)
class Probe:
    """Where a part answers over HTTP on the loopback once it is ready."""

    port: int
    path: str


@dataclass(frozen=True)
class PartSettings:
    """One part: how it is started and watched. `secret` goes to its standard input, never into its
    environment; `listen` says that it is given the supervisor's listening socket."""

    name: str
    enabled: bool
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    probe: Probe
    backoff: Backoff
    oom_score_adj: int
    nice: int = 0
    secret: str | None = None
    listen: bool = False


@dataclass(frozen=True)
class SupervisorSettings:
    """Everything the supervisor needs."""

    parts: tuple[PartSettings, ...]
    folders: tuple[Path, ...]
    socket_path: Path
    listen_address: tuple[str, int]
    guard_path: str
    warnings: tuple[str, ...]


def read_settings(environment: Mapping[str, str], python: str) -> SupervisorSettings:
    """Reads all settings. `python` is the interpreter that runs the gateway.

    Raises SettingsError when the token is missing or too short, or a number is no number.
    """
    run_folder = Path(environment.get("LM_RUN_DIR", "/run/lm-sandbox"))
    models = Path(environment.get("LM_MODELS_DIR", "/models"))
    port = _number(environment, "LM_GATEWAY_PORT", 8000)
    gateway_environment = _gateway_environment(environment, run_folder, models, port)
    try:
        open_access = read_open_access(gateway_environment)
        tokens_file = read_tokens_path(environment, run_folder)
        if tokens_file is not None:
            # The gateway reads it itself, again and again. It is checked here so that the container ends
            # with a clear word instead of starting the gateway over and over.
            read_token_file(tokens_file)
    except (OpenAccessError, TokenFileError, GatewaySettingsError) as error:
        raise SettingsError(str(error)) from error
    token, warnings = read_token(environment, needed=tokens_file is None and not open_access)
    if open_access:
        warnings += (OPEN_WARNING,)
    parts = (
        _gateway(gateway_environment, python, token, port),
        _ollama(environment, models),
        _llama_cpp(environment, models),
    )
    return SupervisorSettings(
        parts=parts,
        folders=(models / "gguf", models / "ollama"),
        socket_path=run_folder / "supervisor.sock",
        listen_address=("0.0.0.0", port),  # noqa: S104 # the engine publishes it on the host's loopback
        guard_path=environment.get("LM_GUARD_PATH", DEFAULT_GUARD_PATH),
        warnings=warnings,
    )


def read_token(environment: Mapping[str, str], *, needed: bool = True) -> tuple[str | None, tuple[str, ...]]:
    """The gateway's token from LM_API_TOKEN_FILE or LM_API_TOKEN, and what is to be said about it."""
    warnings: tuple[str, ...] = ()
    path = environment.get("LM_API_TOKEN_FILE")
    if path:
        try:
            token = Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"LM_API_TOKEN_FILE: {path} cannot be read: {error}") from error
        source = path
    else:
        token, source = environment.get("LM_API_TOKEN", "").strip(), "LM_API_TOKEN"
        warnings = (
            "the token came in the environment, where every process of a `docker exec` can read it; "
            "a file named by LM_API_TOKEN_FILE is better kept",
        )
    if not token and not needed:
        return None, ()
    if not token:
        raise SettingsError(
            "no token: set LM_API_TOKEN_FILE (a file in the container) or LM_API_TOKEN to a random text "
            f"of at least {SHORTEST_TOKEN} characters, or LM_API_TOKENS_FILE to a file of several"
        )
    if not is_usable(token):
        raise SettingsError(
            f"the token from {source} is not usable: it must be at least {SHORTEST_TOKEN} printable ASCII "
            "characters without spaces, for example from `openssl rand -hex 32`"
        )
    return token, warnings


def _gateway_environment(
    environment: Mapping[str, str], run_folder: Path, models: Path, port: int
) -> dict[str, str]:
    passed = _pick(environment, PASSED_ON + PROXY_VARIABLES, ("LM_",))
    for name in ("LM_API_TOKEN", "LM_API_TOKEN_FILE", "LM_API_TOKEN_FD", "LM_GATEWAY_HOST"):
        passed.pop(name, None)
    return passed | {
        "LM_LISTEN_FD": "4",
        "LM_RUN_DIR": str(run_folder),
        "LM_MODELS_DIR": str(models),
        "LM_GATEWAY_PORT": str(port),
    }


def _gateway(environment: Mapping[str, str], python: str, token: str | None, port: int) -> PartSettings:
    return PartSettings(
        name="gateway",
        enabled=True,
        arguments=(python, "-I", "-m", "lm_gateway"),
        environment={**environment, "LM_API_TOKEN_FD": "0"} if token else environment,
        probe=Probe(port, "/health"),
        backoff=Backoff(first_s=0.2, cap_s=5.0),
        oom_score_adj=0,
        secret=token,
        listen=True,
    )


def _ollama(environment: Mapping[str, str], models: Path) -> PartSettings:
    passed = _pick(environment, PASSED_ON + PROXY_VARIABLES, ("OLLAMA_", *GPU_PREFIXES))
    port = _number(environment, "LM_OLLAMA_PORT", 11434)
    passed |= {"OLLAMA_HOST": f"127.0.0.1:{port}"}
    passed.setdefault("OLLAMA_MODELS", str(models / "ollama"))
    passed.setdefault("OLLAMA_NO_CLOUD", "1")
    return PartSettings(
        name="ollama",
        enabled=_switch(environment, "LM_OLLAMA"),
        arguments=("ollama", "serve"),
        environment=passed,
        probe=Probe(port, "/api/version"),
        backoff=Backoff(first_s=0.5, cap_s=30.0),
        oom_score_adj=800,
        nice=RUNTIME_NICE,
    )


def _llama_cpp(environment: Mapping[str, str], models: Path) -> PartSettings:
    passed = _pick(environment, PASSED_ON + PROXY_VARIABLES, ("LLAMA_ARG_", "HF_", *GPU_PREFIXES))
    for name in NEVER_PASSED_ON:
        passed.pop(name, None)
    port = _number(environment, "LM_LLAMA_CPP_PORT", 9931)
    arguments = ["llama-server", "--host", "127.0.0.1", "--port", str(port)]
    arguments += ["--no-ui", "--cors-origins", "localhost", "--log-colors", "off"]
    if "LLAMA_ARG_MODEL" not in passed:
        # No model on the command line makes it a router: it loads the files of the folder on demand,
        # each in a process of its own. The port is always named; its default has changed before.
        arguments += ["--models-dir", str(models / "gguf")]
    if environment.get("LM_LLAMA_CPP_OFFLINE", "1") != "0":
        arguments += ["--offline"]
    return PartSettings(
        name="llama_cpp",
        enabled=_switch(environment, "LM_LLAMA_CPP"),
        arguments=tuple(arguments),
        environment=passed,
        probe=Probe(port, "/health"),
        backoff=Backoff(first_s=0.5, cap_s=30.0),
        oom_score_adj=800,
        nice=RUNTIME_NICE,
    )


def _pick(
    environment: Mapping[str, str], names: tuple[str, ...], prefixes: tuple[str, ...]
) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name in names or name.startswith(prefixes) or name.startswith("LC_")
    }


def _switch(environment: Mapping[str, str], name: str) -> bool:
    # A runtime that runs elsewhere needs none here.
    value = environment.get(name) or ("off" if environment.get(f"{name}_URL") else "on")
    if value not in ("on", "off"):
        raise SettingsError(f"{name} is {value!r}; it must be on or off")
    return value == "on"


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, str(default))
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise SettingsError(f"{name} is {value!r}; it must be a port from 1 to 65535")
    return int(value)


def current_settings(python: str) -> SupervisorSettings:
    """The settings of this process."""
    return read_settings(os.environ, python)


def prepare_folders(settings: SupervisorSettings) -> None:
    """Makes the folders that are missing. Raises SettingsError when one cannot be made or used."""
    run_folder = settings.socket_path.parent
    owner = f"user {os.getuid()}"
    for folder in (*settings.folders, run_folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"{folder} cannot be made ({error.strerror}); the volume under it must belong to {owner}"
            ) from error
    if not os.access(run_folder, os.W_OK):
        raise SettingsError(
            f"{run_folder} cannot be written; under a read-only root mount a tmpfs there owned by {owner}"
        )
