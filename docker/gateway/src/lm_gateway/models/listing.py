"""The models of both runtimes, in the same words."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, JsonValue

from lm_gateway.chat.upstream import get_json
from lm_gateway.errors import GatewayError
from lm_gateway.http.json_values import field, integer, items, text
from lm_gateway.models.names import ModelName, RuntimeName, runtime_of, with_prefix

if TYPE_CHECKING:
    from lm_gateway.dependencies import Services

ModelState = Literal["loaded", "unloaded", "loading", "failed"]
# What llama-server's router says. A sleeping model has given its memory back.
LLAMA_CPP_STATES: dict[str, ModelState] = {
    "loaded": "loaded",
    "loading": "loading",
    "downloading": "loading",
    "failed": "failed",
}


class Model(BaseModel):
    """One model. `id` is its name under /v1; `context` is in tokens: as loaded, else the most it can.
    `memory_bytes` and `vram_bytes` are told by Ollama for loaded models, the latter above 0 on a machine
    without a GPU, too. What is not known is null."""

    id: str
    name: str
    runtime: RuntimeName
    state: ModelState
    size_bytes: int | None = None
    memory_bytes: int | None = None
    vram_bytes: int | None = None
    context: int | None = None
    quantization: str | None = None
    parameters: str | None = None
    capabilities: list[str] = []
    modified_at: str | None = None
    expires_at: str | None = None
    error: str | None = None

    @property
    def key(self) -> ModelName:
        return ModelName(self.runtime, self.name)


@dataclass(frozen=True)
class Listing:
    """All models, and why a runtime could not be asked."""

    models: list[Model]
    failures: dict[RuntimeName, GatewayError]

    def find(self, name: ModelName) -> Model | None:
        return next((model for model in self.models if model.key == name), None)


async def list_models(
    services: Services, *, loading: frozenset[ModelName] = frozenset(), reload: bool = False
) -> Listing:
    """Asks both runtimes at once. With `reload` llama-server looks into its folder again first.

    A runtime that does not answer is a failure in the listing, not an exception.
    """
    ollama, llama_cpp = await asyncio.gather(
        _ollama_models(services, loading), _llama_cpp_models(services, reload), return_exceptions=True
    )
    models: list[Model] = []
    failures: dict[RuntimeName, GatewayError] = {}
    answers: tuple[tuple[RuntimeName, list[Model] | BaseException], ...] = (
        ("ollama", ollama),
        ("llama.cpp", llama_cpp),
    )
    for runtime, answer in answers:
        if isinstance(answer, GatewayError):
            failures[runtime] = answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            models += answer
    return Listing(_with_ids(models), failures)


def _with_ids(models: list[Model]) -> list[Model]:
    """An id is the runtime's own name. Ollama's have a tag (`NAME:latest`) and files none, so they do not
    meet; should they do so, or look like a prefix, both get their prefix."""
    count = Counter(model.name for model in models)
    return [
        model.model_copy(update={"id": str(model.key)})
        if count[model.name] > 1 or with_prefix(model.name)
        else model
        for model in models
    ]


async def _ollama_models(services: Services, loading: frozenset[ModelName]) -> list[Model]:
    runtime = runtime_of(services.settings, "ollama")
    tags, running = await asyncio.gather(
        get_json(services, runtime, "/api/tags"), get_json(services, runtime, "/api/ps")
    )
    loaded = {text(model, "name"): model for model in items(running, "models")}
    return [
        _ollama_model(name, model, loaded.get(name), is_loading=ModelName("ollama", name) in loading)
        for model in items(tags, "models")
        if (name := text(model, "name"))
    ]


def _ollama_model(name: str, model: JsonValue, loaded: JsonValue, *, is_loading: bool) -> Model:
    return Model(
        id=name,
        name=name,
        runtime="ollama",
        state="loaded" if loaded else "loading" if is_loading else "unloaded",
        size_bytes=integer(model, "size"),
        memory_bytes=integer(loaded, "size"),
        vram_bytes=integer(loaded, "size_vram"),
        context=integer(loaded, "context_length") or integer(model, "details", "context_length"),
        quantization=text(model, "details", "quantization_level"),
        parameters=text(model, "details", "parameter_size"),
        capabilities=[value for value in items(model, "capabilities") if isinstance(value, str)],
        modified_at=text(model, "modified_at"),
        expires_at=text(loaded, "expires_at"),
    )


async def _llama_cpp_models(services: Services, reload: bool) -> list[Model]:
    runtime = runtime_of(services.settings, "llama.cpp")
    answer = await get_json(services, runtime, "/models?reload=1" if reload else "/models")
    files = {file.name: file for file in services.model_files.all() if file.complete}
    models = []
    for model in items(answer, "data"):
        if not (name := text(model, "id")):
            continue
        file = files.get(f"{name}.gguf")
        state = _llama_cpp_state(model)
        parameters = integer(model, "meta", "n_params")
        models.append(
            Model(
                id=name,
                name=name,
                runtime="llama.cpp",
                state=state,
                size_bytes=file.size_bytes if file else integer(model, "meta", "size"),
                context=integer(model, "meta", "n_ctx") or integer(model, "context_length"),
                quantization=text(model, "meta", "ftype"),
                parameters=None if parameters is None else f"{parameters / 1e6:.2f}M",
                modified_at=file.modified_at if file else None,
                error=_llama_cpp_failure(model) if state == "failed" else None,
            )
        )
    return models


def _llama_cpp_state(model: JsonValue) -> ModelState:
    status = field(model, "status")
    if status is None:
        # Not a router: it serves one model, and that is loaded.
        return "loaded"
    if field(status, "failed") is True:
        return "failed"
    return LLAMA_CPP_STATES.get(text(status, "value") or "", "unloaded")


def _llama_cpp_failure(model: JsonValue) -> str:
    code = integer(model, "status", "exit_code")
    return "its process ended" + ("" if code is None else f" with exit code {code}")
