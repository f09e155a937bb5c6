"""A file as an answer: whole or one range of it, in pieces, closed whatever happens."""

from __future__ import annotations

import mimetypes
from email.utils import formatdate
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lm_gateway.files.open_file import OpenFile
from lm_gateway.files.versions import parse_etags
from lm_gateway.files.workers import Workers
from lm_gateway.http.disconnect import send_until_disconnect
from lm_gateway.http.ranges import ByteRange, parse_range

PIECE_BYTES = 256 * 1024


def answer_with(request: Request, file: OpenFile, workers: Workers) -> Response:
    """200, 206 or 304; for HEAD only the headers. The answer owns the file."""
    headers = {
        "ETag": file.etag,
        "Last-Modified": formatdate(file.modified_at, usegmt=True),
        "Accept-Ranges": "bytes",
    }
    try:
        known = request.headers.get("if-none-match")
        if known is not None and parse_etags(known) & {file.etag, "*"}:
            file.close()
            return Response(status_code=304, headers=headers)
        # With If-Range a file that has changed is sent whole, so that no two versions are put together.
        fits = request.headers.get("if-range") in (None, file.etag)
        # Ranges are of GET alone (RFC 9110, 14.2).
        wanted = request.headers.get("range") if fits and request.method == "GET" else None
        part = parse_range(wanted, file.size_bytes)
    except BaseException:
        file.close()
        raise
    sent = part or ByteRange(0, file.size_bytes)
    if part is not None:
        headers["Content-Range"] = f"bytes {sent.start}-{sent.end - 1}/{file.size_bytes}"
    headers["Content-Length"] = str(sent.end - sent.start)
    headers["Content-Type"] = mimetypes.guess_type(file.path)[0] or "application/octet-stream"
    headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.path.rpartition('/')[2])}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        file.close()
        return Response(status_code=status, headers=headers)
    return _Content(file, workers, sent, status, headers)


class _Content(Response):
    def __init__(
        self, file: OpenFile, workers: Workers, part: ByteRange, status: int, headers: dict[str, str]
    ) -> None:
        super().__init__(status_code=status, headers=headers)
        self._file = file
        self._workers = workers
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        try:
            await send_until_disconnect(receive, self._send_all(send))
        finally:
            self._file.close()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        offset = self._part.start
        while offset < self._part.end:
            wanted = min(PIECE_BYTES, self._part.end - offset)
            piece = await self._workers.run(self._file.read, offset, wanted)
            if not piece:
                # The length went out with the headers: breaking off is the only way left to tell.
                raise OSError(f"{self._file.path} became shorter while it was sent")
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            offset += len(piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
