"""/sessions: programs on a terminal, over WebSocket."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Request, Response, WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from lm_gateway.dependencies import get_sessions
from lm_gateway.errors import GatewayError
from lm_gateway.http.scopes import Scope, caller_name, needs
from lm_gateway.sessions.models import CONTROL, Resize, SessionList, SessionStatus, StartSessionRequest
from lm_gateway.sessions.session import Attachment, Session
from lm_gateway.sessions.sessions import Sessions

router = APIRouter(dependencies=[needs(Scope.EXEC)])
NO_SUCH_SESSION = 4404

SessionsNeeded: TypeAlias = Annotated[Sessions, Depends(get_sessions)]


@router.post("/sessions", status_code=201)
async def start_session(
    request: Request, response: Response, wanted: StartSessionRequest, sessions: SessionsNeeded
) -> SessionStatus:
    """Starts a program on a terminal of its own. It goes on whether anybody is attached or not; nobody using
    it for an hour ends it."""
    session = await sessions.start(wanted, who=caller_name(request))
    response.headers["Location"] = f"/sessions/{session.id}"
    return session.status()


@router.get("/sessions")
async def list_sessions(sessions: SessionsNeeded) -> SessionList:
    """The running sessions, and the last ones that ended."""
    return SessionList(sessions=[session.status() for session in sessions.all()])


@router.get("/sessions/{session_id}")
async def inspect_session(session_id: str, sessions: SessionsNeeded) -> SessionStatus:
    """One session."""
    return sessions.get(session_id).status()


@router.delete("/sessions/{session_id}")
async def end_session(session_id: str, sessions: SessionsNeeded) -> SessionStatus:
    """Hangs up and ends everything the session has started; answers when nothing is left."""
    session = sessions.get(session_id)
    await sessions.end(session)
    return session.status()


@router.websocket("/sessions/{session_id}/attach")
async def attach(websocket: WebSocket, session_id: str, sessions: SessionsNeeded) -> None:
    """Binary messages are bytes of the terminal, both ways; the first ones are its last 256 KiB. Text
    messages are JSON: `resize` and `signal` from the client; `exit`, before the end, and `error` from us."""
    await websocket.accept()
    try:
        session = sessions.get(session_id)
    except GatewayError as error:
        await websocket.close(NO_SUCH_SESSION, error.message[:100])
        return
    attachment = session.attach()
    sending = asyncio.create_task(_send(websocket, session, attachment))
    receiving = asyncio.create_task(_receive(websocket, session))
    try:
        await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, receiving):
            task.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)
        session.detach(attachment)


async def _send(websocket: WebSocket, session: Session, attachment: Attachment) -> None:
    while data := await session.output(attachment):
        # Returns when the client takes it: what it does not take is not read from the terminal.
        await websocket.send_bytes(data)
        session.taken(attachment, len(data))
    await websocket.send_json({"type": "exit", "exit_code": session.exit_code})
    await websocket.close()


async def _receive(websocket: WebSocket, session: Session) -> None:
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (data := message.get("bytes")) is not None:
                await session.write(data)
            elif (text := message.get("text")) is not None:
                await _control(websocket, session, text)
    except BrokenPipeError:
        # The session is ending; `_send` tells how, and ends the attachment.
        await asyncio.get_running_loop().create_future()
    except WebSocketDisconnect:
        return


async def _control(websocket: WebSocket, session: Session, text: str) -> None:
    try:
        wanted = CONTROL.validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        await websocket.send_json({"type": "error", "error": f"not a control message: {problem['msg']}"})
        return
    if isinstance(wanted, Resize):
        session.terminal.resize(wanted.columns, wanted.rows)
    else:
        session.terminal.send_signal(signal.Signals[f"SIG{wanted.signal}"])
