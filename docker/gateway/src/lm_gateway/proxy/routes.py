"""/ollama/PATH and /llama-cpp/PATH: the runtimes' own interfaces, unchanged."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from lm_gateway.dependencies import Services, get_services
from lm_gateway.http.scopes import Scope, needs
from lm_gateway.http.upstream import Runtime
from lm_gateway.llama_cpp.runtime import llama_cpp_runtime
from lm_gateway.ollama.runtime import ollama_runtime
from lm_gateway.proxy.answer import ProxyAnswer

router = APIRouter(dependencies=[needs(Scope.MODELS)])
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


@router.api_route("/ollama/{path:path}", methods=METHODS, include_in_schema=False)
async def ollama(request: Request, services: Annotated[Services, Depends(get_services)]) -> Response:
    """Ollama's interface: /ollama/api/chat is its /api/chat."""
    return _pass_through(request, services, ollama_runtime(services.settings), "/ollama")


@router.api_route("/llama-cpp/{path:path}", methods=METHODS, include_in_schema=False)
async def llama_cpp(request: Request, services: Annotated[Services, Depends(get_services)]) -> Response:
    """llama-server's interface: /llama-cpp/v1/chat/completions is its /v1/chat/completions."""
    return _pass_through(request, services, llama_cpp_runtime(services.settings), "/llama-cpp")


def _pass_through(request: Request, services: Services, runtime: Runtime, prefix: str) -> Response:
    # The path as it came, percent signs and all.
    path = request.scope["raw_path"].decode("ascii").partition("?")[0].removeprefix(prefix)
    return ProxyAnswer(services.upstream, runtime, path)
