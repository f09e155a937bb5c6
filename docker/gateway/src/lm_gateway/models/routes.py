"""/models: the models of both runtimes in one interface."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from lm_gateway.dependencies import Services, get_services
from lm_gateway.http.disconnect import EventStream, until_disconnect, wants_server_sent_events
from lm_gateway.http.scopes import Scope, needs
from lm_gateway.models import operations
from lm_gateway.models.listing import Model
from lm_gateway.models.names import RUNTIME_NAMES, ModelName, RuntimeName
from lm_gateway.models.requests import (
    LoadRequest,
    ModelList,
    PullRequest,
    Removed,
    RuntimeState,
    Shared,
    ShareRequest,
    UnloadRequest,
)
from lm_gateway.models.share import share

router = APIRouter(prefix="/models")


@router.get("", response_model=ModelList, dependencies=[needs(Scope.READ)])
async def list_models(services: Annotated[Services, Depends(get_services)]) -> ModelList:
    """All models of both runtimes with their state. A runtime that does not answer is named, and why."""
    listing = await services.directory.list(services)
    return ModelList(
        models=listing.models,
        runtimes={
            name: RuntimeState(
                reachable=name not in listing.failures,
                error=listing.failures[name].message if name in listing.failures else None,
            )
            for name in RUNTIME_NAMES
        },
    )


@router.post("/load", response_model=Model, dependencies=[needs(Scope.MODELS)])
async def load_model(
    request: Request, wanted: LoadRequest, services: Annotated[Services, Depends(get_services)]
) -> Model:
    """Loads a model; the answer comes when it can be used."""
    return await until_disconnect(request.receive, operations.load(services, wanted))


@router.post("/unload", response_model=Model, dependencies=[needs(Scope.MODELS)])
async def unload_model(
    request: Request, wanted: UnloadRequest, services: Annotated[Services, Depends(get_services)]
) -> Model:
    """Takes a model out of memory; the answer comes when it is."""
    return await until_disconnect(request.receive, operations.unload(services, wanted.model, wanted.runtime))


@router.post("/pull", response_model=None, dependencies=[needs(Scope.MODELS)])
async def pull_model(
    request: Request, wanted: PullRequest, services: Annotated[Services, Depends(get_services)]
) -> Response:
    """Lets Ollama download a model: events progress …, then done or error; one JSON a line, or SSE.

    Leaving ends the download. The next one of the same model goes on where it stopped.
    """
    return EventStream(
        operations.pull(services, wanted), server_sent=wants_server_sent_events(request.headers)
    )


@router.post("/share", response_model=Shared, dependencies=[needs(Scope.MODELS)])
async def share_model(
    request: Request, wanted: ShareRequest, services: Annotated[Services, Depends(get_services)]
) -> Shared:
    """Lets the other runtime serve a model too, from the same file on the disk."""
    return await until_disconnect(request.receive, share(services, wanted))


@router.delete("/{runtime}/{name:path}", response_model=Removed, dependencies=[needs(Scope.MODELS)])
async def remove_model(
    runtime: RuntimeName, name: str, services: Annotated[Services, Depends(get_services)]
) -> Removed:
    """Deletes a model of a runtime. What the other one shares with it stays there."""
    await operations.remove(services, ModelName(runtime, name))
    return Removed(runtime=runtime, name=name)
