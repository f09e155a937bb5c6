"""A scripted registry for the real Ollama to pull from: the read side of registry v2, manifests and blobs.
As the big ones do it redirects blobs to another host name and answers ranges. A blob can be held in the
middle, so that what happens meanwhile needs no luck."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

PIECE_BYTES = 256 * 1024
BLOB = re.compile(r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})")
MANIFEST = re.compile(r"/v2/(.+)/manifests/latest")


class ModelRegistry:
    """An ASGI application that has one model. `held_at` is how many of the weights' bytes it gives (from the
    beginning of the file) before it waits; None gives all. `ranges` are those asked for of the weights."""

    def __init__(self, name: str, weights: bytes) -> None:
        self._name = name
        config = json.dumps({"model_format": "gguf", "model_family": "llama", "os": "linux"}).encode()
        self._blobs = {_digest(content): content for content in (weights, config)}
        self.weights_digest = _digest(weights)
        self._manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": _layer("application/vnd.docker.container.image.v1+json", config),
            "layers": [_layer("application/vnd.ollama.image.model", weights)],
        }
        self.held_at: int | None = None
        self.ranges: list[tuple[int, int]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(Request(scope))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        blob = BLOB.fullmatch(request.url.path)
        if blob and blob[1] == self._name and blob[2] in self._blobs:
            return self._blob(request, blob[2])
        manifest = MANIFEST.fullmatch(request.url.path)
        if manifest and manifest[1] == self._name:
            return JSONResponse(self._manifest, media_type=str(self._manifest["mediaType"]))
        return JSONResponse({"errors": [{"code": "MANIFEST_UNKNOWN"}]}, status_code=404)

    def _blob(self, request: Request, digest: str) -> Response:
        content = self._blobs[digest]
        if request.method == "HEAD":
            return Response(headers={"Content-Length": str(len(content))})
        if request.url.hostname != "localhost":
            return RedirectResponse(str(request.url.replace(hostname="localhost")), status_code=307)
        first, last = 0, len(content) - 1
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", "")):
            first, last = int(wanted[1]), int(wanted[2])
        if digest == self.weights_digest:
            self.ranges.append((first, last))
        headers = {
            "Content-Length": str(last - first + 1),
            "Content-Range": f"bytes {first}-{last}/{len(content)}",
        }
        pieces = self._pieces(content, first, last + 1)
        return StreamingResponse(
            pieces, status_code=206, headers=headers, media_type="application/octet-stream"
        )

    async def _pieces(self, content: bytes, start: int, end: int) -> AsyncIterator[bytes]:
        stop = end if self.held_at is None else min(end, self.held_at)
        while start < stop:
            piece = content[start : min(start + PIECE_BYTES, stop)]
            yield piece
            start += len(piece)
        if stop < end:
            await asyncio.Event().wait()  # until its caller leaves


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _layer(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}
