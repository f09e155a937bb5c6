"""One command over a WebSocket, its streams as the bytes they are."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, WebSocket
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.websockets import WebSocketDisconnect

from lm_gateway.audit import Audit
from lm_gateway.bash.runner import Command, CommandEnd, CommandRunner, Stream
from lm_gateway.commands.models import StartCommandRequest
from lm_gateway.dependencies import get_audit, get_runner
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.scopes import Scope, caller_name, needs

router = APIRouter(dependencies=[needs(Scope.EXEC)])
#: First byte of a binary message from us.
CHANNELS = {Stream.STDOUT: b"\x01", Stream.STDERR: b"\x02"}
REFUSED = 4400


class Control(BaseModel):
    """A text message of the client behind its first one."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["eof", "end"]


@router.websocket("/commands/run")
async def run(
    websocket: WebSocket,
    runner: Annotated[CommandRunner, Depends(get_runner)],
    audit: Annotated[Audit, Depends(get_audit)],
) -> None:
    """The first message is text: a request as for POST /commands. Binary messages to us are bytes of the
    standard input, `{"type": "eof"}` is its end, `{"type": "end"}` ends the command. Binary messages from us
    begin with 1 for standard output or 2 for standard error; a text message `exit`, or `error` where the
    command did not start, is the last. Who goes away ends the command."""
    await websocket.accept()
    try:
        request = StartCommandRequest.model_validate_json(await websocket.receive_text())
        command = await runner.start(request, background=True, stdin_open=request.stdin_open)
    except (WebSocketDisconnect, KeyError):
        # Gone, or sent bytes where the request was to come.
        await websocket.close(REFUSED)
        return
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(step) for step in problem["loc"]) or "request"
        await _refuse(websocket, GatewayError(ErrorCode.INVALID_REQUEST, f"{place}: {problem['msg']}"))
        return
    except GatewayError as error:
        await _refuse(websocket, error)
        return
    receiving = asyncio.create_task(_receive(websocket, command))
    try:
        end = await _follow(websocket, command)
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
        audit.record(
            who=caller_name(websocket),
            command=request.cmd,
            exit_code=command.end.exit_code,
            duration_ms=command.end.duration_ms,
            kind="commands-run",
        )
    if end is not None:
        told = {"type": "exit", "exit_code": end.exit_code, "timed_out": end.timed_out}
        await websocket.send_json({**told, "duration_ms": end.duration_ms})
        await websocket.close()


async def _follow(websocket: WebSocket, command: Command) -> CommandEnd | None:
    """Hands the output over; None when nobody is there any more to be told of the end."""
    gone = False

    async def take(stream: Stream, pieces: list[bytes]) -> None:
        nonlocal gone
        if gone:
            return
        try:
            for piece in pieces:
                # Returns when the client takes it: what it does not take is not read from the command.
                await websocket.send_bytes(CHANNELS[stream] + piece)
        except (WebSocketDisconnect, RuntimeError):
            gone = True

    end = await command.follow(take)
    return None if gone else end


async def _receive(websocket: WebSocket, command: Command) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            command.process.terminate()
            return
        if (data := message.get("bytes")) is not None:
            await _write(command, data)
        elif (text := message.get("text")) is not None:
            _control(command, text)


async def _write(command: Command, data: bytes) -> None:
    if command.stdin is None or command.stdin.closed:
        return
    try:
        await command.stdin.write(data)
    except BrokenPipeError:
        # It reads no more. The writer is not told: a program that ends before its input does is no failure.
        command.stdin.close()


def _control(command: Command, text: str) -> None:
    try:
        control = Control.model_validate_json(text)
    except ValidationError:
        command.process.terminate()
        return
    if control.type == "end":
        command.process.terminate()
    elif command.stdin is not None:
        command.stdin.close()


async def _refuse(websocket: WebSocket, error: GatewayError) -> None:
    told = {"type": "error", "code": error.code.code, "error": error.message}
    await websocket.send_json(told)
    await websocket.close(REFUSED)
