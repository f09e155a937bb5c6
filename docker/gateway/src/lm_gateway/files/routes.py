"""/files: the files of the workspace."""

from __future__ import annotations

import base64
import binascii
import codecs
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response, status

from lm_gateway.dependencies import get_files
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.files.content import answer_with
from lm_gateway.files.models import (
    FileText,
    FolderMade,
    Listing,
    MakeFolderRequest,
    Moved,
    MoveRequest,
    ReadRequest,
    Removed,
    Stored,
    WriteRequest,
)
from lm_gateway.files.paths import show
from lm_gateway.files.service import Files
from lm_gateway.files.versions import Rules, parse_etags
from lm_gateway.http.scopes import Scope, needs

router = APIRouter(prefix="/files", dependencies=[needs(Scope.EXEC)])
PIECE_BYTES = 1024 * 1024
PAGE_DEFAULT = 1000
PAGE_MAX = 5000


@router.get("/", response_model=Listing)
@router.get("", response_model=Listing, include_in_schema=False)
async def list_folder(
    files: Annotated[Files, Depends(get_files)],
    path: Annotated[str, Query(max_length=4096)] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
    after: Annotated[str | None, Query(max_length=400)] = None,
) -> Listing:
    """Lists a folder of the workspace by name, a page at a time: give `next` as the next page's `after`."""
    return await files.workers.run(files.store.listing, files.parse(path), limit=limit, after=after)


@router.post("/read", response_model=FileText)
async def read_text(wanted: ReadRequest, files: Annotated[Files, Depends(get_files)]) -> FileText:
    """Reads a piece of a file as text, or as base64. `GET /files/PATH` gives the bytes themselves."""
    return await files.workers.run(_read, files, wanted)


@router.post("/write", response_model=Stored)
async def write_text(wanted: WriteRequest, files: Annotated[Files, Depends(get_files)]) -> Stored:
    """Writes a whole file from text, or from base64. `PUT /files/PATH` takes larger ones."""
    return await files.workers.run(_write, files, wanted)


@router.post("/move", response_model=Moved)
async def move(wanted: MoveRequest, files: Annotated[Files, Depends(get_files)]) -> Moved:
    """Moves or renames a file or a folder; one that is there is replaced only with `overwrite`."""
    return await files.workers.run(
        files.store.move,
        files.parse(wanted.from_path),
        files.parse(wanted.to),
        overwrite=wanted.overwrite,
        parents=wanted.parents,
    )


@router.post("/mkdir", response_model=FolderMade, status_code=status.HTTP_201_CREATED)
async def make_folder(
    wanted: MakeFolderRequest, response: Response, files: Annotated[Files, Depends(get_files)]
) -> FolderMade:
    """Makes a folder. 200 instead of 201: with `parents`, when it is there already."""
    names = files.parse(wanted.path)
    created = await files.workers.run(files.store.make_folder, names, parents=wanted.parents)
    if not created:
        response.status_code = status.HTTP_200_OK
    return FolderMade(path=show(names), created=created)


@router.head("/{path:path}", include_in_schema=False)
@router.get(
    "/{path:path}",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "The file"},
        206: {"content": {"application/octet-stream": {}}, "description": "The range that was asked for"},
        304: {"description": "It is the version of If-None-Match"},
    },
)
async def download(path: str, request: Request, files: Annotated[Files, Depends(get_files)]) -> Response:
    """The content of a file. Takes `Range` (one range), `If-Range`, `If-None-Match`, and HEAD."""
    return answer_with(request, await files.workers.run(files.store.open, files.parse(path)), files.workers)


@router.put("/{path:path}", response_model=Stored, status_code=status.HTTP_201_CREATED)
async def upload(
    path: str,
    request: Request,
    response: Response,
    files: Annotated[Files, Depends(get_files)],
    overwrite: bool = False,
    parents: bool = False,
    mode: Annotated[str | None, Query(pattern=r"^[0-7]{3}$")] = None,
    if_match: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Stored:
    """Stores the body as a file, which appears when it is complete. 201: it is new. 200: it replaced one.

    A file that is there is replaced with `overwrite`, or with `If-Match` when it is that version;
    `If-None-Match: *` never replaces. `parents` makes the folders on the way; `mode` as in chmod.
    """
    names = files.parse(path)
    rules = Rules(
        overwrite=overwrite,
        if_match=None if if_match is None else parse_etags(if_match),
        create_only=_creates_only(if_none_match),
        parents=parents,
        mode=None if mode is None else int(mode, 8),
    )
    arriving = await files.workers.run(files.store.begin_upload, names, rules)
    try:
        length = request.headers.get("content-length", "")
        await files.workers.run(arriving.expect, int(length) if length.isdecimal() else 0)
        waiting = bytearray()
        async for received in request.stream():
            waiting += received
            if len(waiting) >= PIECE_BYTES:
                await files.workers.run(arriving.write, bytes(waiting))
                waiting.clear()
        await files.workers.run(arriving.write, bytes(waiting))
        stored = await files.workers.run(files.store.commit, names, arriving, rules)
    finally:
        await files.workers.run(arriving.close)
    response.headers["ETag"] = stored.etag
    if not stored.created:
        response.status_code = status.HTTP_200_OK
    return stored


@router.delete("/{path:path}", response_model=Removed)
async def remove(path: str, files: Annotated[Files, Depends(get_files)], recursive: bool = False) -> Removed:
    """Deletes a file, a symbolic link itself, or a folder; one that is not empty only with `recursive`."""
    names = files.parse(path)
    await files.workers.run(files.store.remove, names, recursive=recursive)
    return Removed(path=show(names))


def _creates_only(if_none_match: str | None) -> bool:
    if if_none_match is None:
        return False
    if if_none_match.strip() != "*":
        raise GatewayError(ErrorCode.INVALID_REQUEST, "If-None-Match of an upload can only be *")
    return True


def _read(files: Files, wanted: ReadRequest) -> FileText:
    file = files.store.open(files.parse(wanted.path))
    try:
        content = file.read(wanted.offset, wanted.max_bytes)
    finally:
        file.close()
    at_end = wanted.offset + len(content) >= file.size_bytes
    if wanted.encoding == "base64":
        text, used = base64.b64encode(content).decode(), len(content)
    else:
        try:
            text, used = codecs.utf_8_decode(content, "strict", at_end)
        except UnicodeDecodeError as error:
            raise GatewayError(
                ErrorCode.INVALID_REQUEST,
                f"{file.path} is no UTF-8 text (byte {wanted.offset + error.start}); "
                'ask with "encoding": "base64"',
                details={"byte": wanted.offset + error.start},
            ) from error
    following = wanted.offset + used
    return FileText(
        path=file.path,
        content=text,
        encoding=wanted.encoding,
        offset=wanted.offset,
        next_offset=following if following < file.size_bytes else None,
        size_bytes=file.size_bytes,
        etag=file.etag,
    )


def _write(files: Files, wanted: WriteRequest) -> Stored:
    names = files.parse(wanted.path)
    if wanted.encoding == "base64":
        try:
            content = base64.b64decode(wanted.content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise GatewayError(ErrorCode.INVALID_REQUEST, f"content is no base64: {error}") from error
    else:
        content = wanted.content.encode()
    rules = Rules(
        overwrite=wanted.overwrite,
        if_match=None if wanted.if_match is None else parse_etags(wanted.if_match),
        parents=wanted.parents,
        mode=None if wanted.mode is None else int(wanted.mode, 8),
    )
    arriving = files.store.begin_upload(names, rules)
    try:
        arriving.expect(len(content))
        arriving.write(content)
        return files.store.commit(names, arriving, rules)
    finally:
        arriving.close()
