"""What routes need, built once in `create_app` and handed to them by FastAPI."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from starlette.requests import HTTPConnection

from lm_gateway.audit import Audit
from lm_gateway.bash.runner import CommandRunner
from lm_gateway.commands.jobs import Jobs
from lm_gateway.files.service import Files
from lm_gateway.gguf.store import ModelFiles
from lm_gateway.health.parts import Parts
from lm_gateway.http.tokens import Tokens
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
    client: httpx.AsyncClient
    runner: CommandRunner
    jobs: Jobs
    sessions: Sessions
    parts: Parts
    model_files: ModelFiles
    directory: ModelDirectory
    audit: Audit
    files: Files


def get_services(connection: HTTPConnection) -> Services:
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services


def get_settings(connection: HTTPConnection) -> Settings:
    return get_services(connection).settings


def get_tokens(connection: HTTPConnection) -> Tokens:
    return get_services(connection).tokens


def get_client(connection: HTTPConnection) -> httpx.AsyncClient:
    return get_services(connection).client


def get_runner(connection: HTTPConnection) -> CommandRunner:
    return get_services(connection).runner


# Not a plain function: FastAPI would call that in a thread, which takes longer than all the rest.
async def get_jobs(connection: HTTPConnection) -> Jobs:
    return get_services(connection).jobs


async def get_sessions(connection: HTTPConnection) -> Sessions:
    return get_services(connection).sessions


def get_parts(connection: HTTPConnection) -> Parts:
    return get_services(connection).parts


def get_audit(connection: HTTPConnection) -> Audit:
    return get_services(connection).audit


def get_model_files(connection: HTTPConnection) -> ModelFiles:
    return get_services(connection).model_files


def get_files(connection: HTTPConnection) -> Files:
    return get_services(connection).files
