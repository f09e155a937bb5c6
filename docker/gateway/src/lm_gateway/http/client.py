"""The one HTTP client of the gateway. No other module knows the library behind it.

Connections are kept for the next request, which saves it half a millisecond. A request is sent a second time
only if nothing of it went out before: its kept connection was found closed.
"""

from __future__ import annotations

import asyncio
import io
import json
import select
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

import aiohttp
from pydantic import JsonValue
from yarl import URL

CONNECT_TIMEOUT_S = 5.0
# llama-server closes after 5 s of silence, Ollama never does.
KEPT_S = 3.0
# More are never needed: between two, the loop hears of all the others that were closed.
CONNECTIONS_TRIED = 3
# A model may load for minutes before the first byte.
NO_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
# Of an answer's status line and of each of its headers.
LONGEST_LINE_BYTES = 64 * 1024
# Larger ones are handed over in pieces, so that other streams go on in between.
LARGEST_BODY_AT_ONCE = 512 * 1024
# What the library would add by itself. The gateway's callers say what they want, or the gateway does.
NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
IDENTITY = (b"accept-encoding", b"identity")
JSON_HEADERS = ((b"content-type", b"application/json"), (b"accept", b"*/*"), IDENTITY)

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Content: TypeAlias = bytes | AsyncIterable[bytes]


class RequestFailed(Exception):
    """There is no answer, or not all of it. The text says why."""


class NotReached(RequestFailed):
    """No connection was made: nothing of the request can have been done."""


class BrokenOff(RequestFailed):
    """The connection ended, or time did, before the answer was complete."""


# The first that fits. A time limit of a whole request is the bare TimeoutError.
FAILURES: tuple[tuple[type[Exception], type[RequestFailed]], ...] = (
    (aiohttp.ClientConnectorError, NotReached),
    (aiohttp.ConnectionTimeoutError, NotReached),
    (aiohttp.ClientError, BrokenOff),
    (TimeoutError, BrokenOff),
)


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    content: bytes

    @property
    def is_error(self) -> bool:
        return self.status >= 400

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")


class StreamedAnswer:
    """An answer whose body is still to come. Nothing of it is decompressed."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        #: As they came, names in any case.
        self.headers: Headers = response.raw_headers
        self.content_type = response.headers.get("Content-Type", "")
        self._response = response

    @property
    def is_error(self) -> bool:
        return self.status >= 400

    def pieces(self) -> AsyncIterator[bytes]:
        """The body, each time as much as has come."""
        return self._response.content.iter_any()

    async def lines(self) -> AsyncGenerator[str]:
        """The lines of the body, without their ends."""
        rest = b""
        async for piece in self.pieces():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.removesuffix(b"\r").decode(errors="replace")
        if rest:
            yield rest.decode(errors="replace")

    async def read(self) -> bytes:
        """The whole body."""
        return await self._response.content.read()

    async def text(self) -> str:
        """The whole body as text."""
        return (await self.read()).decode(errors="replace")


class HttpClient:
    """Use it as a context; it is opened and closed with the server.

    `content` is sent as it is, an iterable as fast as the server takes it. What an iterable raises comes out
    of the request unchanged. `sockets` has the Unix sockets that stand behind some origins.
    """

    def __init__(self, sockets: Mapping[str, Path] | None = None) -> None:
        self._sockets = dict(sockets or {})
        self._session: aiohttp.ClientSession | None = None
        self._behind_sockets: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> HttpClient:
        self._session = _session(aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_S))
        for origin, path in self._sockets.items():
            self._behind_sockets[origin] = _session(
                aiohttp.UnixConnector(str(path), limit=0, keepalive_timeout=KEPT_S)
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        for session in (self._session, *self._behind_sockets.values()):
            await session.close()

    async def request(
        self, method: str, url: str, *, json: JsonValue = None, timeout_s: float | None = None
    ) -> Answer:
        """The whole answer. `json` None sends no body. Raises RequestFailed."""
        content = None if json is None else encoded(json)
        async with self.stream(
            method, url, headers=JSON_HEADERS, content=content, timeout_s=timeout_s
        ) as answer:
            return Answer(answer.status, await answer.read())

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Headers = JSON_HEADERS,
        content: Content | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[StreamedAnswer]:
        """The answer when its head has come; leaving the context closes the connection, which stops the
        server's work. The path of `url` goes out as it is written. Raises RequestFailed, also while the body
        is read inside the context."""
        assert self._session is not None, "the client is not open"
        body = _Body(content) if isinstance(content, AsyncIterable) else None
        try:
            target = URL(url, encoded=True)
            response = await self._behind_sockets.get(str(target.origin()), self._session).request(
                method,
                target,
                headers=[(_text(name), _text(value)) for name, value in headers],
                data=body or _at_once_or_in_pieces(content),
                allow_redirects=False,
                timeout=NO_LIMIT if timeout_s is None else _within(timeout_s),
            )
            try:
                yield StreamedAnswer(response)
            finally:
                response.close()
        except (aiohttp.ClientError, TimeoutError, RequestFailed) as error:
            if body and body.failure:
                raise body.failure from None
            if isinstance(error, RequestFailed):
                raise
            failure = next(failure for kind, failure in FAILURES if isinstance(error, kind))
            raise failure(str(error) or type(error).__name__) from error


def _session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=NOT_ADDED,
        request_class=_Request,
        middlewares=(_only_once,),
        max_line_size=LONGEST_LINE_BYTES,
        max_field_size=LONGEST_LINE_BYTES,
    )


class _Body:
    """Remembers why a body broke off: the library puts that into an error of its own."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self.failure: Exception | None = None
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                yield piece
        except Exception as error:
            self.failure = error
            raise


class _Closed(Exception):
    """Nothing was sent, because the server has closed the connection."""


class _Request(aiohttp.ClientRequest):
    """Looks before it is sent. The library learns that a kept connection was closed only when the loop comes
    by, which may be after it has chosen it."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        # A server says nothing unasked, so what there is to read is the end.
        if conn.transport is None or _is_readable(conn.transport):
            raise _Closed
        return await super().send(conn)


def _is_readable(transport: asyncio.Transport) -> bool:
    looking = select.poll()
    looking.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(looking.poll(0))


async def _only_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """The library itself would ask again when the connection of a GET, PUT or DELETE broke; but that may
    have been done."""
    for _ in range(CONNECTIONS_TRIED):
        try:
            return await handler(request)
        except _Closed:
            await asyncio.sleep(0)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise BrokenOff(str(error) or type(error).__name__) from error
    raise BrokenOff("it closes every connection before it is asked")


def encoded(value: JsonValue) -> bytes:
    """A JSON body."""
    return json.dumps(value).encode()


def _at_once_or_in_pieces(content: Content | None) -> object:
    if isinstance(content, bytes) and len(content) > LARGEST_BODY_AT_ONCE:
        return io.BytesIO(content)
    return content


def _within(timeout_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(timeout_s, CONNECT_TIMEOUT_S))


def _text(header: bytes) -> str:
    # The library writes UTF-8.
    try:
        return header.decode()
    except UnicodeDecodeError:
        return header.decode("latin-1")
