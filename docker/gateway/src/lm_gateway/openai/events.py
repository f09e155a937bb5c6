"""Server-sent events in the making: passed on as they are, but for one that tells an error."""

from __future__ import annotations

from lm_gateway.openai.stream import DONE

END_OF_EVENT = b"\n\n"
# An error is looked for only in pieces that hold one of these. A model that writes them does not match:
# inside JSON its quotation marks are escaped.
ERROR_FIELD = b'"error"'
ERROR_LINE = b"error:"
ERROR_BEGINNINGS = (b"error:", b'data: {"error"', b'data:{"error"')


class WholeEvents:
    """Cuts what comes at the ends of events. `complete`: the stream has said that it is. `failure`: the JSON
    of an error; what came after it is left out."""

    def __init__(self) -> None:
        self.complete = False
        self.failure = ""
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """The events that are whole now, without one that tells an error."""
        received = self._rest + piece if self._rest else piece
        end = received.rfind(END_OF_EVENT) + len(END_OF_EVENT)
        if end < len(END_OF_EVENT):
            self._rest = received
            return b""
        events, self._rest = received[:end], received[end:]
        if ERROR_FIELD in events or ERROR_LINE in events:
            events = self._before_error(events)
        self.complete = self.complete or events.endswith(DONE)
        return events

    def _before_error(self, events: bytes) -> bytes:
        before = 0
        for event in events.split(END_OF_EVENT):
            if event.startswith(ERROR_BEGINNINGS):
                kind, _, data = event.partition(b":")
                told = data.strip().decode(errors="replace")
                # Older builds told errors in a field of their own, without the name inside.
                self.failure = told if kind == b"data" else f'{{"error": {told}}}'
                return events[:before]
            before += len(event) + len(END_OF_EVENT)
        return events
