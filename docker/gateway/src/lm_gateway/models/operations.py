"""Loading, unloading, pulling and removing models, of either runtime."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import JsonValue

from lm_gateway.chat.upstream import lines, parse
from lm_gateway.dependencies import Services
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.disconnect import Event
from lm_gateway.http.json_values import field, integer, text
from lm_gateway.models.listing import Model
from lm_gateway.models.names import ModelName, RuntimeName, runtime_of
from lm_gateway.models.requests import LoadRequest, PullRequest
from lm_gateway.openai.refusals import refusal

# llama-server answers before it has loaded; so often it is asked whether it has.
LOOK_EVERY_S = 0.1


async def tell(services: Services, name: RuntimeName, method: str, path: str, body: JsonValue) -> JsonValue:
    """A runtime's answer. Raises GatewayError: not there, or refused."""
    runtime = runtime_of(services.settings, name)
    answer = await services.upstream.request(runtime, method, path, json=body)
    if answer.is_error:
        raise refusal(runtime, path, answer.status, answer.text)
    return parse(answer.text)


async def named(services: Services, model: str, runtime: RuntimeName | None) -> ModelName:
    """The model a request means. Raises MODEL_NOT_FOUND."""
    return ModelName(runtime, model) if runtime else await services.directory.find(services, model)


async def load(services: Services, wanted: LoadRequest) -> Model:
    """Loads a model and returns when it can be used. Raises GatewayError when it cannot."""
    name = await named(services, wanted.model, wanted.runtime)
    if name.runtime == "ollama":
        body: dict[str, JsonValue] = {"model": name.name, "stream": False}
        if wanted.keep_alive is not None:
            body["keep_alive"] = wanted.keep_alive
        if wanted.context is not None:
            body["options"] = {"num_ctx": wanted.context}
        with services.directory.loading(name):
            await tell(services, "ollama", "POST", "/api/generate", body)
        return await _described(services, name)
    for option in ("context", "keep_alive"):
        if getattr(wanted, option) is not None:
            raise GatewayError(
                ErrorCode.NOT_SUPPORTED,
                f"{option} cannot be set for one model of llama.cpp; for all, set LLAMA_ARG_CTX_SIZE",
                details={"param": option},
            )
    if (await _described(services, name)).state not in ("loaded", "loading"):
        await tell(services, "llama.cpp", "POST", "/models/load", {"model": name.name})
    while (model := await _described(services, name)).state == "loading":  # noqa: ASYNC110 # it is asked
        await asyncio.sleep(LOOK_EVERY_S)
    if model.state != "loaded":
        raise GatewayError(
            ErrorCode.UPSTREAM_FAILED,
            f"llama-server could not load {name.name}: {model.error or 'it was unloaded'}; "
            "the container's log says why",
        )
    return model


async def unload(services: Services, model: str, runtime: RuntimeName | None) -> Model:
    """Takes a model out of memory and returns when it is. Raises GatewayError."""
    name = await named(services, model, runtime)
    if name.runtime == "ollama":
        body: dict[str, JsonValue] = {"model": name.name, "keep_alive": 0, "stream": False}
        if (await _described(services, name)).state != "unloaded":
            await tell(services, "ollama", "POST", "/api/generate", body)
    elif (await _described(services, name)).state in ("loaded", "loading"):
        await tell(services, "llama.cpp", "POST", "/models/unload", {"model": name.name})
    while (found := await _described(services, name)).state in ("loaded", "loading"):  # noqa: ASYNC110
        await asyncio.sleep(LOOK_EVERY_S)
    return found


async def remove(services: Services, name: ModelName) -> None:
    """Deletes a model. Data that the other runtime shares stays for it. Raises GatewayError."""
    services.directory.forget()
    if name.runtime == "ollama":
        await tell(services, "ollama", "DELETE", "/api/delete", {"model": name.name})
        return
    file = f"{name.name}.gguf"
    services.model_files.find(file)
    try:
        await unload(services, name.name, "llama.cpp")
    except GatewayError as error:
        # It need not run, nor know the file, for the file to be removed.
        if error.code not in (ErrorCode.RUNTIME_UNAVAILABLE, ErrorCode.MODEL_NOT_FOUND):
            raise
    services.model_files.remove(file)
    await services.directory.list(services, reload=True)


async def pull(services: Services, wanted: PullRequest) -> AsyncGenerator[Event]:
    """Lets Ollama download a model. Leaving ends the download; the next one goes on where it stopped."""
    body: dict[str, JsonValue] = {"model": wanted.model, "insecure": wanted.insecure, "stream": True}
    runtime = runtime_of(services.settings, "ollama")
    complete = False
    try:
        async with aclosing(lines(services, runtime, "/api/pull", body)) as received:
            async for line in received:
                if not line.strip():
                    continue
                message = parse(line)
                if isinstance(message, str) or field(message, "error") is not None:
                    raise refusal(runtime, "/api/pull", 500, line)
                complete = complete or text(message, "status") == "success"
                yield _progress(message)
        if not complete:
            raise GatewayError(
                ErrorCode.UPSTREAM_FAILED, "Ollama ended the download without saying that it was complete"
            )
    except GatewayError as error:
        yield {"type": "error", **error.body()}
        return
    services.directory.forget()
    yield {"type": "done", "model": wanted.model, "runtime": "ollama"}


def _progress(message: JsonValue) -> Event:
    """Byte counts are those of one of the model's files, which `digest` names."""
    return {
        "type": "progress",
        "status": text(message, "status"),
        "digest": text(message, "digest"),
        "total_bytes": integer(message, "total"),
        "completed_bytes": integer(message, "completed"),
    }


async def _described(services: Services, name: ModelName) -> Model:
    listing = await services.directory.list(services)
    failure = listing.failures.get(name.runtime)
    if failure is not None:
        raise failure
    found = listing.find(name) or listing.find(ModelName(name.runtime, f"{name.name}:latest"))
    if found is None:
        raise GatewayError(
            ErrorCode.MODEL_NOT_FOUND, f"{name.runtime} has no model {name.name!r}; GET /models lists all"
        )
    return found
