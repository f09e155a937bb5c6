"""/models/gguf: the files that llama-server serves."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response, status
from pydantic import BaseModel, JsonValue

from lm_gateway.dependencies import Services, get_services
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.gguf.store import ModelFile, Piece
from lm_gateway.http.scopes import Scope, needs
from lm_gateway.llama_cpp.runtime import llama_cpp_runtime

router = APIRouter(prefix="/models/gguf")
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
RUNTIME_ANSWER_TIMEOUT_S = 30.0


class ModelFileList(BaseModel):
    """All files, unfinished uploads included (`complete` false)."""

    files: list[ModelFile]


class Received(BaseModel):
    """A file, complete or not. `size_bytes` is what has arrived; `listed`: llama-server knows it."""

    name: str
    size_bytes: int
    complete: bool
    listed: bool


class Removed(BaseModel):
    """The file that is gone."""

    name: str


@router.get("", response_model=ModelFileList, dependencies=[needs(Scope.READ)])
async def list_files(services: Annotated[Services, Depends(get_services)]) -> ModelFileList:
    """Lists the GGUF files with their sizes."""
    return ModelFileList(files=services.model_files.all())


@router.get("/{name}", response_model=ModelFile, dependencies=[needs(Scope.READ)])
async def show_file(name: str, services: Annotated[Services, Depends(get_services)]) -> ModelFile:
    """One file; while it is being uploaded, how much of it has arrived."""
    return services.model_files.find(name)


@router.put(
    "/{name}",
    response_model=Received,
    status_code=status.HTTP_201_CREATED,
    dependencies=[needs(Scope.MODELS)],
)
async def upload_file(
    name: str,
    request: Request,
    response: Response,
    services: Annotated[Services, Depends(get_services)],
    overwrite: bool = False,
) -> Received:
    """Receives a GGUF file, whole or in pieces with `Content-Range: bytes FIRST-LAST/TOTAL`.

    201: complete. 202: this piece has arrived, more is to come. After an interruption GET tells how
    much is there, and the next piece continues from that byte.
    """
    piece = _piece(request)
    file = await services.model_files.receive(name, piece, _content(request), overwrite=overwrite)
    if not file.complete:
        response.status_code = status.HTTP_202_ACCEPTED
    listed = file.complete and await _reload(services)
    return Received(name=file.name, size_bytes=file.size_bytes, complete=file.complete, listed=listed)


@router.delete("/{name}", response_model=Removed, dependencies=[needs(Scope.MODELS)])
async def remove_file(name: str, services: Annotated[Services, Depends(get_services)]) -> Removed:
    """Deletes a file; llama-server unloads it first."""
    services.model_files.find(name)
    await _tell_llama_server(services, "POST", "/models/unload", {"model": name.removesuffix(".gguf")})
    services.model_files.remove(name)
    await _reload(services)
    return Removed(name=name)


def _piece(request: Request) -> Piece:
    content_range = request.headers.get("content-range")
    length = request.headers.get("content-length")
    if content_range is None:
        total = int(length) if length is not None else None
        return Piece(offset=0, total=total)
    match = CONTENT_RANGE.fullmatch(content_range)
    first, last, total = (int(part) for part in match.groups()) if match else (1, 0, 0)
    if not first <= last < total or (length is not None and int(length) != last + 1 - first):
        raise GatewayError(
            ErrorCode.INVALID_REQUEST,
            f"Content-Range {content_range!r} does not fit; it must be `bytes FIRST-LAST/TOTAL`",
        )
    return Piece(offset=first, total=total)


async def _content(request: Request) -> AsyncIterator[bytes]:
    async for received in request.stream():
        if received:
            yield received


async def _reload(services: Services) -> bool:
    """Lets llama-server look into its folder again."""
    services.directory.forget()
    return await _tell_llama_server(services, "GET", "/models?reload=1", None)


async def _tell_llama_server(services: Services, method: str, path: str, body: JsonValue) -> bool:
    """Whether llama-server took it. Its absence is no failure of the upload: it looks when it starts."""
    runtime = llama_cpp_runtime(services.settings)
    try:
        answer = await services.upstream.request(
            runtime, method, path, json=body, timeout_s=RUNTIME_ANSWER_TIMEOUT_S
        )
    except GatewayError:
        return False
    return answer.is_success
