"""What the gateway counts, in a registry of its own: nothing of the process or of Python comes along."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from lm_gateway.health.parts import PartsStatus

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
UNROUTED = "(none)"
# Commands take milliseconds, answers of models minutes.
DURATION_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """Labels come from closed sets only (templates of routes, codes, methods), so no caller can make new
    series."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "lm_requests",
            "Requests that ended, by the route's template; (none): refused before or without one",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "lm_request_seconds",
            "From a request's first to its answer's last byte",
            ["route", "method"],
            buckets=DURATION_BUCKETS_S,
            registry=self.registry,
        )
        self._refusals = Counter(
            "lm_errors",
            "Answers that are an error of the gateway, by its code",
            ["code"],
            registry=self.registry,
        )
        self._received = Counter("lm_received_bytes", "Bodies of requests", registry=self.registry)
        self._sent = Counter("lm_sent_bytes", "Bodies of answers", registry=self.registry)
        self._in_work = Gauge("lm_requests_in_work", "Requests and sockets now", registry=self.registry)
        self._commands = Gauge("lm_commands_running", "Commands that are running", registry=self.registry)
        self._up = Gauge("lm_part_up", "1 while a part is ready", ["part"], registry=self.registry)
        self._restarts = Gauge(
            "lm_part_restarts", "How often a part was started again", ["part"], registry=self.registry
        )

    def begin(self) -> None:
        """A request arrives; `end` must follow."""
        self._in_work.inc()

    def end(
        self,
        *,
        route: str,
        method: str,
        status: int,
        seconds: float,
        received_bytes: int,
        sent_bytes: int,
        error_code: str | None,
    ) -> None:
        """A request has ended. `error_code` is that of the gateway's own error, if it answered with one."""
        method = method if method in METHODS else "(other)"
        self._in_work.dec()
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route, method).observe(seconds)
        self._received.inc(received_bytes)
        self._sent.inc(sent_bytes)
        if error_code is not None:
            self._refusals.labels(error_code).inc()

    def render(self, parts: PartsStatus, running_commands: int) -> bytes:
        """Everything in the text format of Prometheus."""
        self._commands.set(running_commands)
        for name, part in parts.parts.items():
            self._up.labels(name).set(part.state == "ready")
            self._restarts.labels(name).set(part.restarts)
        return generate_latest(self.registry)
