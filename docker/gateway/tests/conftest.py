"""What the tests share. Unit tests start the gateway in this process, on a free port, with real commands
under the real guard; tests marked `runtimes` talk to a running container's gateway."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import httpx
import hypothesis
import pytest
import uvicorn
from starlette.types import ASGIApp

from lm_gateway.app import create_app
from lm_gateway.settings import Settings
from lm_guard.process import PORTABLE_GUARD_PATH

TOKEN = "a-token-for-tests-0123456789"
GUARD_SOURCE = Path(__file__).parents[2] / "image" / "guard" / "lm-guard.c"
INSTALLED_GUARD = Path("/opt/lm-sandbox/bin/lm-guard")

pytest_plugins = ["openai_bench", "real_runtimes"]

# No examples are kept: the tests' folder in the image is not writable. No deadline: machines are shared.
hypothesis.settings.register_profile("lm-sandbox", database=None, deadline=None)
hypothesis.settings.load_profile("lm-sandbox")

MakeSettings: TypeAlias = Callable[..., Settings]
Serve: TypeAlias = Callable[[ASGIApp], Awaitable[str]]
StartGateway: TypeAlias = Callable[[Settings], Awaitable[httpx.AsyncClient]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def guard_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The guard of the image, or one compiled for these tests."""
    if INSTALLED_GUARD.exists():
        return str(INSTALLED_GUARD)
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build lm-guard with, and none is installed at " + str(INSTALLED_GUARD))
    target = tmp_path_factory.mktemp("guard") / "lm-guard"
    subprocess.run([compiler, "-std=c17", "-O2", "-o", target, GUARD_SOURCE], check=True)
    return str(target)


@pytest.fixture(params=["compiled", "in Python"])
def each_guard(request: pytest.FixtureRequest, guard_path: str) -> str:
    """Either guard: that of the image, and the one for computers without it."""
    return guard_path if request.param == "compiled" else PORTABLE_GUARD_PATH


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """The folder of secrets. Not under /tmp: new files in the folders above it are closed to commands."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def make_settings(tmp_path: Path, run_dir: Path, guard_path: str) -> MakeSettings:
    """Settings with folders of their own; keyword arguments replace single values."""

    def make(**changes: object) -> Settings:
        for name in ("workspace", "home", "models/gguf"):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
        values: dict[str, object] = {
            "token": TOKEN,
            "workspace": tmp_path / "workspace",
            "home": tmp_path / "home",
            "models_dir": tmp_path / "models",
            "run_dir": run_dir,
            "guard_path": guard_path,
            "ollama_url": "http://127.0.0.1:9",
            "llama_cpp_url": "http://127.0.0.1:9",
            "command_environment": {"PATH": os.environ["PATH"]},
            "disk_reserve_bytes": 0,
        }
        return Settings(**{**values, **changes})  # type: ignore[arg-type]

    return make


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serves an application on a free port of the loopback; gives its address."""
    # Taken over by its number, a socket knows that it is TCP, and asyncio then sends small answers at once.
    listener = socket.socket(fileno=socket.create_server(("127.0.0.1", 0)).detach())
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, ws="websockets-sansio"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(app: ASGIApp) -> str:
            return await stack.enter_async_context(serving(app))

        yield start


@pytest.fixture
async def start_gateway(serve: Serve) -> AsyncIterator[StartGateway]:
    """Starts a gateway and gives a client that sends its token."""
    async with AsyncExitStack() as stack:

        async def start(settings: Settings) -> httpx.AsyncClient:
            url = await serve(create_app(settings))
            client = httpx.AsyncClient(
                base_url=url,
                headers={"Authorization": f"Bearer {settings.token}"},
                timeout=60,
                trust_env=False,
            )
            return await stack.enter_async_context(client)

        yield start


@pytest.fixture
async def gateway(start_gateway: StartGateway, make_settings: MakeSettings) -> httpx.AsyncClient:
    """A gateway with the usual settings and no runtime behind it."""
    return await start_gateway(make_settings())
