"""The gateway's settings, read once from the environment. docker/README.md lists them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lm_guard.process import DEFAULT_GUARD_PATH

SHORTEST_TOKEN = 16
LONGEST_TOKEN_BYTES = 4096
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
# What a command may see of the gateway's own environment: nothing that is secret or of the gateway.
VARIABLES_FOR_COMMANDS = (
    "PATH",
    "LANG",
    "TZ",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)


class SettingsError(Exception):
    """A setting the gateway cannot start with. The text names the repair."""


@dataclass(frozen=True)
class CommandLimits:
    """Limits of POST /run-bash/. The kept output is a first and a last part of each stream."""

    concurrent: int = 16
    timeout_default_s: float = 120.0
    timeout_max_s: float = 3600.0
    grace_ms: int = 1500
    drain_ms: int = 500
    output_head_bytes: int = 384 * 1024
    output_tail_bytes: int = 384 * 1024
    error_head_bytes: int = 128 * 1024
    error_tail_bytes: int = 128 * 1024
    nice: int = 5
    oom_score_adj: int = 300


@dataclass(frozen=True)
class BodyLimits:
    """Largest request bodies in bytes; uploads of models are limited by the free disk space."""

    default: int = 256 * 1024
    pass_through: int = 64 * 1024 * 1024
    #: One file of the workspace; the disk's reserve limits it too.
    file: int = 16 * 1024 * 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """Everything `create_app` needs. Paths lie in the container, URLs on its loopback."""

    token: str
    allowed_hosts: frozenset[str] = frozenset(LOOPBACK_HOSTS)
    workspace: Path = Path("/workspace")
    home: Path = Path("/home/sandbox")
    models_dir: Path = Path("/models")
    run_dir: Path = Path("/run/lm-sandbox")
    guard_path: str = DEFAULT_GUARD_PATH
    ollama_url: str = "http://127.0.0.1:11434"
    llama_cpp_url: str = "http://127.0.0.1:9931"
    image_version: str = "unknown"
    image_revision: str = "unknown"
    disk_reserve_bytes: int = 512 * 1024 * 1024
    command_environment: Mapping[str, str] = field(default_factory=dict)
    commands: CommandLimits = CommandLimits()
    bodies: BodyLimits = BodyLimits()

    @property
    def gguf_dir(self) -> Path:
        """Where llama-server looks for models."""
        return self.models_dir / "gguf"

    @property
    def uploads_dir(self) -> Path:
        """Where unfinished uploads lie: on the same volume, out of llama-server's sight."""
        return self.models_dir / ".uploads"

    @property
    def supervisor_socket(self) -> Path:
        return self.run_dir / "supervisor.sock"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Reads all settings. Raises SettingsError when the token is missing or too short."""
    extra_hosts = [host.strip().lower() for host in environment.get("LM_ALLOWED_HOSTS", "").split(",")]
    return Settings(
        token=_read_token(environment),
        allowed_hosts=frozenset([*LOOPBACK_HOSTS, *filter(None, extra_hosts)]),
        workspace=Path(environment.get("LM_WORKSPACE", "/workspace")),
        home=Path(environment.get("HOME", "/home/sandbox")),
        models_dir=Path(environment.get("LM_MODELS_DIR", "/models")),
        run_dir=Path(environment.get("LM_RUN_DIR", "/run/lm-sandbox")),
        guard_path=environment.get("LM_GUARD_PATH", DEFAULT_GUARD_PATH),
        ollama_url=environment.get("LM_OLLAMA_URL")
        or f"http://127.0.0.1:{environment.get('LM_OLLAMA_PORT', '11434')}",
        llama_cpp_url=environment.get("LM_LLAMA_CPP_URL")
        or f"http://127.0.0.1:{environment.get('LM_LLAMA_CPP_PORT', '9931')}",
        image_version=environment.get("LM_IMAGE_VERSION", "unknown"),
        image_revision=environment.get("LM_IMAGE_REVISION", "unknown"),
        command_environment={
            name: value
            for name, value in environment.items()
            if name in VARIABLES_FOR_COMMANDS or name.startswith("LC_")
        },
    )


def _read_token(environment: Mapping[str, str]) -> str:
    descriptor = environment.get("LM_API_TOKEN_FD")
    path = environment.get("LM_API_TOKEN_FILE")
    try:
        if descriptor:
            token = _read_descriptor(int(descriptor))
        elif path:
            token = Path(path).read_text("utf-8")
        else:
            token = environment.get("LM_API_TOKEN", "")
    except (OSError, ValueError) as error:
        raise SettingsError(f"the token cannot be read: {error}") from error
    token = token.strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii():
        raise SettingsError(
            "no usable token: set LM_API_TOKEN_FILE or LM_API_TOKEN to a random text of at least "
            f"{SHORTEST_TOKEN} ASCII characters, for example from `openssl rand -hex 32`"
        )
    return token


def _read_descriptor(descriptor: int) -> str:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(LONGEST_TOKEN_BYTES).decode("ascii")
