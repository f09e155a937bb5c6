"""/v1: OpenAI's interface for the models of both runtimes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import JsonValue
from starlette.responses import Response

from lm_gateway.dependencies import Services, get_services
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.scopes import Scope, needs
from lm_gateway.models.listing import Listing, Model
from lm_gateway.models.names import ModelName
from lm_gateway.openai import llama_cpp, ollama
from lm_gateway.openai.models import (
    ChatCompletionRequest,
    CompletionRequest,
    EmbeddingRequest,
    OpenAIModel,
    OpenAIModelList,
)

router = APIRouter(prefix="/v1")
DEVELOPER_ROLE = b'"developer"'


@router.get("/models", response_model=OpenAIModelList, dependencies=[needs(Scope.READ)])
async def list_models(services: Annotated[Services, Depends(get_services)]) -> OpenAIModelList:
    """The models of both runtimes. One that does not answer has none; when neither does, that is told."""
    listing = await services.directory.list(services)
    _require_one(listing)
    return OpenAIModelList(data=[_openai_model(model) for model in listing.models])


@router.get("/models/{model:path}", response_model=OpenAIModel, dependencies=[needs(Scope.READ)])
async def show_model(model: str, services: Annotated[Services, Depends(get_services)]) -> OpenAIModel:
    """One model, by its id or any other name it has."""
    name = await services.directory.find(services, model)
    found = (await services.directory.list(services)).find(name)
    if found is None:
        raise GatewayError(
            ErrorCode.MODEL_NOT_FOUND, f"there is no model {model!r}", details={"param": "model"}
        )
    return _openai_model(found)


@router.post("/chat/completions", response_model=None, dependencies=[needs(Scope.MODELS)])
async def chat_completions(
    request: Request, wanted: ChatCompletionRequest, services: Annotated[Services, Depends(get_services)]
) -> Response:
    """Asks a model, with tools, images, JSON schemas and streaming as far as it has them."""
    name = await services.directory.find(services, wanted.model)
    if name.runtime == "ollama":
        return await ollama.chat(services, request, wanted, name.name)
    content = await _content(request, wanted.model, name)
    return await llama_cpp.answer(
        services, request, "/v1/chat/completions", content, stream=bool(wanted.stream)
    )


@router.post("/completions", response_model=None, dependencies=[needs(Scope.MODELS)])
async def completions(
    request: Request, wanted: CompletionRequest, services: Annotated[Services, Depends(get_services)]
) -> Response:
    """Continues a text as it is, without the model's chat template."""
    name = await services.directory.find(services, wanted.model)
    if name.runtime == "ollama":
        return await ollama.complete(services, request, wanted, name.name)
    content = await _content(request, wanted.model, name)
    return await llama_cpp.answer(services, request, "/v1/completions", content, stream=bool(wanted.stream))


@router.post("/embeddings", response_model=None, dependencies=[needs(Scope.MODELS)])
async def embeddings(
    request: Request, wanted: EmbeddingRequest, services: Annotated[Services, Depends(get_services)]
) -> Response:
    """Turns texts into vectors, with a model made for that."""
    name = await services.directory.find(services, wanted.model)
    if name.runtime == "ollama":
        return await ollama.embed(services, request, wanted, name.name)
    content = await _content(request, wanted.model, name)
    return await llama_cpp.embed(services, request, content)


async def _content(request: Request, wanted: str, name: ModelName) -> bytes:
    """The body for llama-server: the caller's bytes, unless something in them must be another word."""
    content = await request.body()
    if name.name == wanted and DEVELOPER_ROLE not in content:
        return content
    body: dict[str, JsonValue] = json.loads(content)
    body["model"] = name.name
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        # OpenAI's newer word for the same thing; templates of models do not know it.
        if isinstance(message, dict) and message.get("role") == "developer":
            message["role"] = "system"
    return json.dumps(body).encode()


def _require_one(listing: Listing) -> None:
    if len(listing.failures) > 1:
        raise next(iter(listing.failures.values()))


def _openai_model(model: Model) -> OpenAIModel:
    changed = datetime.fromisoformat(model.modified_at) if model.modified_at else None
    return OpenAIModel(
        id=model.id, created=int(changed.timestamp()) if changed else 0, owned_by=model.runtime
    )
