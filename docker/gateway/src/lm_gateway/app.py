"""The application: everything is made here, by hand, in reading order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import Response

from lm_gateway import VERSION
from lm_gateway.audit import Audit
from lm_gateway.bash.routes import router as bash_router
from lm_gateway.bash.runner import CommandRunner
from lm_gateway.commands.jobs import Jobs
from lm_gateway.commands.routes import router as commands_router
from lm_gateway.commands.socket import router as command_socket_router
from lm_gateway.dependencies import Services
from lm_gateway.docs.routes import router as docs_router
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.files.routes import router as files_router
from lm_gateway.files.service import Files
from lm_gateway.gguf.routes import router as gguf_router
from lm_gateway.gguf.store import ModelFiles
from lm_gateway.health.parts import Parts
from lm_gateway.health.remote import remote_parts
from lm_gateway.health.routes import router as health_router
from lm_gateway.http.client import HttpClient
from lm_gateway.http.security import SecurityMiddleware
from lm_gateway.http.tokens import Tokens
from lm_gateway.http.upstream import Upstream
from lm_gateway.llama_cpp.routes import router as llama_cpp_router
from lm_gateway.metrics.metrics import Metrics
from lm_gateway.metrics.middleware import MetricsMiddleware
from lm_gateway.metrics.routes import router as metrics_router
from lm_gateway.models.directory import ModelDirectory
from lm_gateway.models.routes import router as models_router
from lm_gateway.ollama.routes import router as ollama_router
from lm_gateway.openai.routes import router as openai_router
from lm_gateway.proxy.routes import router as proxy_router
from lm_gateway.sessions.routes import router as sessions_router
from lm_gateway.sessions.sessions import Sessions
from lm_gateway.settings import LLAMA_CPP_BEHIND_SOCKET, Settings

# They are tried in this order, for each request: those of models come first, where a token's time counts. The
# pass-through takes every path of its prefix, so it comes after the two that have such a prefix.
ROUTERS = (
    ollama_router,
    llama_cpp_router,
    proxy_router,
    openai_router,
    health_router,
    docs_router,
    metrics_router,
    bash_router,
    commands_router,
    command_socket_router,
    sessions_router,
    gguf_router,
    models_router,
    files_router,
)


def create_app(settings: Settings) -> FastAPI:
    """Builds the gateway. Nothing runs before the server starts it; everything is closed with it.

    Raises TokenFileError when the file of tokens cannot be used."""
    tokens = Tokens(settings.token, settings.tokens_file)
    metrics = Metrics()
    client = HttpClient(
        {LLAMA_CPP_BEHIND_SOCKET: settings.llama_cpp_socket} if settings.llama_cpp_socket else {}
    )
    parts = Parts(settings.supervisor_socket, remote_parts(settings, client), settings.absent_parts)
    runner = CommandRunner(settings)
    audit = Audit()
    services = Services(
        settings=settings,
        tokens=tokens,
        metrics=metrics,
        upstream=Upstream(client, parts),
        runner=runner,
        jobs=Jobs(settings, runner, audit),
        sessions=Sessions(settings, runner, audit),
        parts=parts,
        audit=audit,
        files=Files(settings),
        model_files=ModelFiles(settings.gguf_dir, settings.uploads_dir, settings.disk_reserve_bytes),
        directory=ModelDirectory(),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client, services.files.tidied():
            yield
            await services.jobs.close()
            await services.sessions.close()
            services.runner.close()

    app = FastAPI(
        title="lm-sandbox gateway",
        version=VERSION,
        lifespan=lifespan,
        # Routes of our own, with scopes, in docs/; the usual page loads its scripts from elsewhere.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # A redirect would repeat the request without its token.
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.routers = ROUTERS
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(GatewayError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_error)
    app.add_exception_handler(ClientDisconnect, _answer_error)
    app.add_exception_handler(Exception, _answer_error)
    app.add_middleware(SecurityMiddleware, settings=settings, tokens=tokens)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    return app


async def _answer_error(connection: HTTPConnection, error: Exception) -> Response:
    answer = _as_gateway_error(error)
    connection.state.error_code = answer.code.code
    return answer.response(connection.url.path)


def _as_gateway_error(error: Exception) -> GatewayError:
    match error:
        case GatewayError():
            return error
        case ClientDisconnect():
            return GatewayError(ErrorCode.CLIENT_GONE, "the caller went away before its body was complete")
        case RequestValidationError():
            return GatewayError(
                ErrorCode.INVALID_REQUEST,
                "; ".join(
                    f"{'.'.join(str(step) for step in problem['loc'][1:]) or 'body'}: {problem['msg']}"
                    for problem in error.errors()
                ),
            )
        case HTTPException(status_code=404):
            return GatewayError(ErrorCode.NOT_FOUND, "there is no such route; GET /openapi.json lists them")
        case HTTPException(status_code=405):
            return GatewayError(
                ErrorCode.METHOD_NOT_ALLOWED, "this route does not take this method", headers=error.headers
            )
        case HTTPException():
            return GatewayError(ErrorCode.INVALID_REQUEST, str(error.detail), status=error.status_code)
        case _:
            # The stack is in the log; uvicorn writes it.
            return GatewayError(ErrorCode.INTERNAL, "the gateway failed; its log says why")
