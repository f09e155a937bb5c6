"""The gateway's settings, read once from the environment. docker/README.md lists them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lm_gateway.http.open_access import OpenAccessError, read_open_access
from lm_gateway.http.token_file import SHORTEST_TOKEN, is_usable
from lm_gateway.launcher import Launcher, LauncherFileError, read_launcher
from lm_guard.process import DEFAULT_GUARD_PATH, PORTABLE_GUARD_PATH

LONGEST_TOKEN_BYTES = 4096
# A name that only our own HTTP client knows.
LLAMA_CPP_BEHIND_SOCKET = "http://llama-cpp.invalid"
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
    """Limits of commands. The kept output is a first and a last part of each stream."""

    concurrent: int = 16
    timeout_default_s: float = 120.0
    timeout_max_s: float = 3600.0
    background_concurrent: int = 16
    background_timeout_default_s: float = 3600.0
    background_timeout_max_s: float = 86_400.0
    grace_ms: int = 1500
    drain_ms: int = 500
    output_head_bytes: int = 384 * 1024
    output_tail_bytes: int = 384 * 1024
    error_head_bytes: int = 128 * 1024
    error_tail_bytes: int = 128 * 1024
    #: As JSON, all in all.
    answer_max_bytes: int = 1024 * 1024
    #: The newest events of each command, for those who read them later.
    events_bytes: int = 256 * 1024
    #: What is remembered of commands that have ended.
    remembered: int = 256
    remembered_bytes: int = 8 * 1024 * 1024
    remembered_s: float = 600.0
    nice: int = 5
    oom_score_adj: int = 300


@dataclass(frozen=True)
class SpoolLimits:
    """Of the files that hold the whole output of commands, in bytes. `reserve` is what the disk must have
    free beside them."""

    per_command: int = 256 * 1024 * 1024
    total: int = 512 * 1024 * 1024
    reserve: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class SessionLimits:
    """Limits of sessions with a terminal. `idle_s` counts from the last byte while nobody is attached."""

    concurrent: int = 8
    idle_s: float = 3600.0
    ended_kept: int = 8
    scrollback_bytes: int = 256 * 1024
    grace_ms: int = 1500
    #: Below the gateway, above commands.
    nice: int = 2
    oom_score_adj: int = 200


@dataclass(frozen=True)
class BodyLimits:
    """Largest request bodies in bytes; uploads of models are limited by the free disk space."""

    default: int = 256 * 1024
    pass_through: int = 64 * 1024 * 1024
    #: One file of the workspace; the disk's reserve limits it too.
    file: int = 16 * 1024 * 1024 * 1024


@dataclass(frozen=True)
class RequestLimits:
    """Requests at a time of each kind (scope), a second for each token (0: no limit), and wrong tokens."""

    at_a_time: int = 128
    per_second: float = 1000.0
    burst_s: float = 2.0
    wrong_tokens: int = 10
    wrong_tokens_within_s: float = 60.0
    locked_out_s: float = 60.0


@dataclass(frozen=True)
class Settings:
    """Everything `create_app` needs. Paths lie in the container, URLs on its loopback.

    `token` is the one named `default`, which may do everything; `tokens_file` has more. With `open_access`
    callers on this machine need none. `launcher` is set outside of a container."""

    token: str | None = None
    tokens_file: Path | None = None
    open_access: bool = False
    allowed_hosts: frozenset[str] = frozenset(LOOPBACK_HOSTS)
    workspace: Path = Path("/workspace")
    home: Path = Path("/home/sandbox")
    models_dir: Path = Path("/models")
    run_dir: Path = Path("/run/lm-sandbox")
    spool_dir: Path | None = None
    gguf_folder: Path | None = None
    guard_path: str = DEFAULT_GUARD_PATH
    launcher: Launcher | None = None
    #: Inherited; there the app is told how many programs run.
    programs_fd: int | None = None
    ollama_url: str = "http://127.0.0.1:11434"
    llama_cpp_url: str = "http://127.0.0.1:9931"
    #: The parts that run elsewhere, by name: nobody but they themselves knows their state.
    remote_parts: frozenset[str] = frozenset()
    #: Those that there are not at all.
    absent_parts: frozenset[str] = frozenset()
    #: Where llama-server's interface is on a Unix socket instead, `llama_cpp_url` names no port.
    llama_cpp_socket: Path | None = None
    image_version: str = "unknown"
    image_revision: str = "unknown"
    disk_reserve_bytes: int = 512 * 1024 * 1024
    command_environment: Mapping[str, str] = field(default_factory=dict)
    commands: CommandLimits = CommandLimits()
    spool: SpoolLimits = SpoolLimits()
    sessions: SessionLimits = SessionLimits()
    bodies: BodyLimits = BodyLimits()
    requests: RequestLimits = RequestLimits()

    @property
    def spool_folder(self) -> Path:
        """Where the whole output of commands lies: where no command can read."""
        return self.spool_dir or self.run_dir

    @property
    def gguf_dir(self) -> Path:
        """Where llama-server looks for models."""
        return self.gguf_folder or self.models_dir / "gguf"

    @property
    def uploads_dir(self) -> Path:
        """Where unfinished uploads lie: on the same volume, out of llama-server's sight."""
        return self.models_dir / ".uploads"

    @property
    def supervisor_socket(self) -> Path:
        return self.run_dir / "supervisor.sock"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Reads all settings. Raises SettingsError when there is no usable token, or a value is nonsense."""
    try:
        open_access = read_open_access(environment)
    except OpenAccessError as error:
        raise SettingsError(str(error)) from error
    run_dir = Path(environment.get("LM_RUN_DIR", "/run/lm-sandbox"))
    tokens_file = read_tokens_path(environment, run_dir)
    launcher = _read_launcher(environment)
    socket = environment.get("LM_LLAMA_CPP_SOCKET")
    extra_hosts = [host.strip().lower() for host in environment.get("LM_ALLOWED_HOSTS", "").split(",")]
    return Settings(
        token=_read_token(environment, needed=tokens_file is None and not open_access),
        tokens_file=tokens_file,
        open_access=open_access,
        commands=CommandLimits(concurrent=_count(environment, "LM_COMMANDS_AT_A_TIME", 16)),
        requests=RequestLimits(per_second=_number(environment, "LM_REQUESTS_PER_SECOND", 1000.0)),
        allowed_hosts=frozenset([*LOOPBACK_HOSTS, *filter(None, extra_hosts)]),
        workspace=launcher.workspace.folder
        if launcher
        else Path(environment.get("LM_WORKSPACE", "/workspace")),
        home=Path(environment.get("HOME", "/home/sandbox")),
        models_dir=Path(environment.get("LM_MODELS_DIR", "/models")),
        run_dir=run_dir,
        spool_dir=Path(environment["LM_SPOOL_DIR"]) if environment.get("LM_SPOOL_DIR") else None,
        gguf_folder=Path(environment["LM_GGUF_DIR"]) if environment.get("LM_GGUF_DIR") else None,
        guard_path=environment.get("LM_GUARD_PATH")
        or (PORTABLE_GUARD_PATH if launcher else DEFAULT_GUARD_PATH),
        launcher=launcher,
        programs_fd=_count(environment, "LM_PROGRAMS_FD", 3) if environment.get("LM_PROGRAMS_FD") else None,
        ollama_url=environment.get("LM_OLLAMA_URL", "").rstrip("/")
        or f"http://127.0.0.1:{environment.get('LM_OLLAMA_PORT', '11434')}",
        llama_cpp_socket=Path(socket) if socket else None,
        llama_cpp_url=(LLAMA_CPP_BEHIND_SOCKET if socket else environment.get("LM_LLAMA_CPP_URL", "")).rstrip(
            "/"
        )
        or f"http://127.0.0.1:{environment.get('LM_LLAMA_CPP_PORT', '9931')}",
        remote_parts=frozenset(
            part
            for part in ("ollama", "llama_cpp")
            if environment.get(f"LM_{part.upper()}_URL") or environment.get(f"LM_{part.upper()}_SOCKET")
        ),
        absent_parts=frozenset(filter(None, environment.get("LM_ABSENT_PARTS", "").split(","))),
        image_version=environment.get("LM_IMAGE_VERSION", "unknown"),
        image_revision=environment.get("LM_IMAGE_REVISION", "unknown"),
        command_environment={
            name: value
            for name, value in environment.items()
            if name in VARIABLES_FOR_COMMANDS or name.startswith("LC_")
        },
    )


def _read_launcher(environment: Mapping[str, str]) -> Launcher | None:
    path = environment.get("LM_LAUNCHER_FILE")
    try:
        return read_launcher(Path(path)) if path else None
    except LauncherFileError as error:
        raise SettingsError(str(error)) from error


def read_tokens_path(environment: Mapping[str, str], run_dir: Path) -> Path | None:
    """LM_API_TOKENS_FILE. Raises SettingsError when commands could read it: only the run folder is closed to
    them, and this file stays where it is, unlike a token that is handed over at the start."""
    value = environment.get("LM_API_TOKENS_FILE")
    if not value:
        return None
    path = Path(os.path.normpath(value))
    if not path.is_absolute() or not path.is_relative_to(run_dir):
        raise SettingsError(
            f"LM_API_TOKENS_FILE is {value}, where commands can read it; put it into a folder under "
            f"{run_dir}, for example --volume /etc/lm-tokens:{run_dir}/tokens:ro"
        )
    return path


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    value = environment.get(name) or str(default)
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise SettingsError(f"{name} is {value!r}; it must be a number, 0 or more")
    return number


def _count(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise SettingsError(f"{name} is {value!r}; it must be a whole number, 1 or more")
    return int(value)


def _read_token(environment: Mapping[str, str], *, needed: bool) -> str | None:
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
    if not token and not needed:
        return None
    if not is_usable(token):
        raise SettingsError(
            "no usable token: set LM_API_TOKEN_FILE or LM_API_TOKEN to a random text of at least "
            f"{SHORTEST_TOKEN} printable ASCII characters without spaces, for "
            "example from `openssl rand -hex 32`; or name several in a file, LM_API_TOKENS_FILE"
        )
    return token


def _read_descriptor(descriptor: int) -> str:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(LONGEST_TOKEN_BYTES).decode("ascii")
