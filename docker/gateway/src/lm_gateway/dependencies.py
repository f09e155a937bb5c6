"""What routes need, built once in `create_app` and handed to them by FastAPI."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from lm_gateway.audit import Audit
from lm_gateway.bash.runner import CommandRunner
from lm_gateway.commands.jobs import Jobs
from lm_gateway.files.service import Files
from lm_gateway.gguf.store import ModelFiles
from lm_gateway.health.parts import Parts
from lm_gateway.http.tokens import Tokens
from lm_gateway.http.upstream import Upstream
from lm_gateway.metrics.metrics import Metrics
from lm_gateway.models.directory import ModelDirectory
from lm_gateway.sessions.sessions import Sessions
from lm_gateway.settings import Settings


@dataclass(frozen=True)
class Services:
    """One of each."""

    settings: Settings
    tokens: Tokens
    metrics: Metrics
    upstream: Upstream
    runner: CommandRunner
    jobs: Jobs
    sessions: Sessions
    parts: Parts
    model_files: ModelFiles
    directory: ModelDirectory
    audit: Audit
    files: Files


def services_of(connection: HTTPConnection) -> Services:
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services


# None of these is a plain function: FastAPI would call those in threads, and while a model server uses all
# processors a thread waits for its turn longer than everything else takes.
async def get_services(connection: HTTPConnection) -> Services:
    return services_of(connection)


async def get_settings(connection: HTTPConnection) -> Settings:
    return services_of(connection).settings


async def get_tokens(connection: HTTPConnection) -> Tokens:
    return services_of(connection).tokens


async def get_upstream(connection: HTTPConnection) -> Upstream:
    return services_of(connection).upstream


async def get_runner(connection: HTTPConnection) -> CommandRunner:
    return services_of(connection).runner


async def get_jobs(connection: HTTPConnection) -> Jobs:
    return services_of(connection).jobs


async def get_sessions(connection: HTTPConnection) -> Sessions:
    return services_of(connection).sessions


async def get_parts(connection: HTTPConnection) -> Parts:
    return services_of(connection).parts


async def get_audit(connection: HTTPConnection) -> Audit:
    return services_of(connection).audit


async def get_model_files(connection: HTTPConnection) -> ModelFiles:
    return services_of(connection).model_files


async def get_files(connection: HTTPConnection) -> Files:
    return services_of(connection).files
