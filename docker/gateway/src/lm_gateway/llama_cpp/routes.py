"""POST /llama-cpp/: one prompt to a model of llama.cpp."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from lm_gateway.chat.answer import AnswerInProgress, answer
from lm_gateway.chat.models import ChatAnswer, ChatRequest
from lm_gateway.dependencies import Services, get_services
from lm_gateway.http.scopes import Scope, needs
from lm_gateway.llama_cpp.chat import chat, choose_model

router = APIRouter(dependencies=[needs(Scope.MODELS)])


@router.post("/llama-cpp/", response_model=ChatAnswer)
@router.post("/llama-cpp", response_model=ChatAnswer, include_in_schema=False)
async def llama_cpp(
    request: Request, wanted: ChatRequest, services: Annotated[Services, Depends(get_services)]
) -> ChatAnswer | Response:
    """Asks a model of llama.cpp. With `stream` the answer is one JSON event per line: delta, done, error."""
    model = wanted.model or await choose_model(services)
    return await answer(request, AnswerInProgress(model, chat(services, wanted, model)), stream=wanted.stream)
