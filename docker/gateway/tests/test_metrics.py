"""GET /metrics: what is counted, and that no caller can make new series."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families

from conftest import MakeSettings, StartGateway


async def samples(gateway: httpx.AsyncClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await gateway.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def labels(**values: str) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())


async def test_requests_errors_bytes_and_durations_are_counted_by_route(gateway: httpx.AsyncClient) -> None:
    await gateway.post("/run-bash/", json={"cmd": "printf hello"})
    await gateway.get("/models/gguf/a.gguf")
    await gateway.get("/models/gguf/b.gguf")
    await gateway.get("/no-such-route")
    await gateway.get("/version", headers={"Authorization": "Bearer wrong-token-of-a-length"})
    found = await samples(gateway)
    one = "lm_requests_total"
    assert found[one, labels(route="/run-bash/", method="POST", status="200")] == 1
    assert found[one, labels(route="/models/gguf/{name}", method="GET", status="404")] == 2
    assert found[one, labels(route="(none)", method="GET", status="404")] == 1
    assert found[one, labels(route="(none)", method="GET", status="401")] == 1
    assert found["lm_errors_total", labels(code="not_found")] == 3
    assert found["lm_errors_total", labels(code="unauthorized")] == 1
    assert found["lm_received_bytes_total", labels()] == len('{"cmd":"printf hello"}')
    assert found["lm_sent_bytes_total", labels()] > 100
    assert found["lm_request_seconds_count", labels(route="/run-bash/", method="POST")] == 1
    assert found["lm_part_up", labels(part="gateway")] == 1
    assert found["lm_part_up", labels(part="ollama")] == 0


async def test_running_commands_and_open_requests_are_told(gateway: httpx.AsyncClient) -> None:
    async with gateway.stream("POST", "/run-bash/", json={"cmd": "sleep 60", "stream": True}) as running:
        await anext(running.aiter_lines())
        during = await samples(gateway)
    assert during["lm_commands_running", labels()] == 1
    assert during["lm_requests_in_work", labels()] == 2


async def test_no_caller_can_make_new_series(gateway: httpx.AsyncClient) -> None:
    for number in range(5):
        await gateway.request(f"METHOD{number}", f"/path-{number}")
        await gateway.get(f"/models/gguf/file-{number}.gguf")
    found = await samples(gateway)
    routes = {dict(names)["route"] for name, names in found if name == "lm_requests_total"}
    methods = {dict(names)["method"] for name, names in found if name == "lm_requests_total"}
    assert routes <= {"(none)", "/models/gguf/{name}"}
    assert methods <= {"GET", "(other)"}


async def test_metrics_need_a_token_that_may_read(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings())
    del gateway.headers["Authorization"]
    assert (await gateway.get("/metrics")).status_code == 401
