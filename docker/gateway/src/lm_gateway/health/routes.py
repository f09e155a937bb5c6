"""GET /health (open) and GET /version."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, JsonValue

from lm_gateway import API_REVISION, VERSION
from lm_gateway.bash.runner import CommandRunner
from lm_gateway.dependencies import get_parts, get_runner, get_settings, get_tokens, get_upstream
from lm_gateway.errors import GatewayError
from lm_gateway.health.parts import Part, PartName, Parts
from lm_gateway.http.open_access import OPEN_WARNING
from lm_gateway.http.scopes import Scope, may, needs, open_to_all
from lm_gateway.http.tokens import Tokens
from lm_gateway.http.upstream import Runtime, Upstream
from lm_gateway.launcher import NOT_ISOLATED_WARNING
from lm_gateway.llama_cpp.runtime import llama_cpp_runtime
from lm_gateway.ollama.runtime import ollama_runtime
from lm_gateway.settings import Settings

router = APIRouter()
RUNTIME_ANSWER_TIMEOUT_S = 2.0


class Health(BaseModel):
    """`ok`: every part that is not disabled is ready. `degraded`: the gateway answers, a part does not.

    `isolation`: what keeps commands from the computer. `authentication` `none`: callers on this machine need
    no token. `warnings`, told only to a token that may read, say what of the gateway itself needs somebody's
    attention."""

    status: Literal["ok", "degraded"]
    version: str
    started_at: str | None
    isolation: Literal["container", "bubblewrap", "none"]
    authentication: Literal["token", "none"]
    warnings: list[str]
    parts: dict[PartName, Part]


class Version(BaseModel):
    """Versions of everything in the image; a runtime that does not answer has null.

    `command_isolation` is what keeps commands apart from the gateway, known after the first command:
    landlock-signals, landlock, none, or null.
    """

    gateway: str
    api_revision: int
    image_version: str
    image_revision: str
    ollama: str | None
    llama_cpp: str | None
    command_isolation: str | None


@router.get("/health", response_model=Health, dependencies=[open_to_all()])
async def health(
    request: Request,
    parts: Annotated[Parts, Depends(get_parts)],
    settings: Annotated[Settings, Depends(get_settings)],
    tokens: Annotated[Tokens, Depends(get_tokens)],
) -> Health:
    """The state of each part by itself. Answers without a token, then without the parts' output."""
    status = await parts.status()
    warnings: list[str] = []
    if may(request, Scope.READ):
        if settings.open_access:
            warnings.append(OPEN_WARNING)
        if settings.launcher and settings.launcher.isolation == "none":
            warnings.append(NOT_ISOLATED_WARNING)
        if problem := tokens.problem():
            warnings.append(f"the changed file of tokens is not used, those from before stay: {problem}")
    else:
        for part in status.parts.values():
            part.last_output = None
    well = all(part.state in ("ready", "disabled", "absent") for part in status.parts.values())
    return Health(
        status="ok" if well else "degraded",
        version=VERSION,
        started_at=status.started_at,
        isolation=settings.launcher.isolation if settings.launcher else "container",
        authentication="none" if settings.open_access else "token",
        warnings=warnings,
        parts=status.parts,
    )


@router.get("/version", response_model=Version, dependencies=[needs(Scope.READ)])
async def version(
    settings: Annotated[Settings, Depends(get_settings)],
    upstream: Annotated[Upstream, Depends(get_upstream)],
    runner: Annotated[CommandRunner, Depends(get_runner)],
) -> Version:
    """The versions of the gateway, the image and the runtimes."""
    return Version(
        gateway=VERSION,
        api_revision=API_REVISION,
        image_version=settings.image_version,
        image_revision=settings.image_revision,
        ollama=await _field(upstream, ollama_runtime(settings), "/api/version", "version"),
        llama_cpp=await _field(upstream, llama_cpp_runtime(settings), "/props", "build_info"),
        command_isolation=runner.isolation,
    )


async def _field(upstream: Upstream, runtime: Runtime, path: str, name: str) -> str | None:
    try:
        told = await upstream.request(runtime, "GET", path, timeout_s=RUNTIME_ANSWER_TIMEOUT_S)
        answer: JsonValue = json.loads(told.content)
    except (GatewayError, ValueError):
        return None
    value = answer.get(name) if isinstance(answer, dict) else None
    return value if isinstance(value, str) else None
