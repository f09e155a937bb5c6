"""Measures the gateway from inside its container and prints one JSON object per figure.

Run by test/bench/groups/gateway.mjs with the Python of the test image; BENCH_TOKEN is the gateway's token.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from client import GATEWAY, LLAMA, NAIVE, Connection, Server

FAST_MODEL = "random-weights"
REAL_MODEL = "SmolLM2-135M-Instruct.Q4_1"
FLOOD_BYTES = 100 * 1024 * 1024
FLOOD_FILE = Path("/workspace/flood")


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def report(name: str, value: float, baseline: float | None = None) -> None:
    print(json.dumps({"name": name, "value": value, "baseline": baseline}), flush=True)


def note(text: str) -> None:
    print(json.dumps({"note": text}), flush=True)


async def timed_ms(work: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await work
    return (time.perf_counter() - begun) * 1000


async def run_command(server: Server, command: dict[str, object]) -> dict[str, object]:
    async with Connection(server) as connection:
        return await connection.json("POST", "/run-bash/", command)


async def sleep_together(server: Server) -> None:
    await asyncio.gather(*(run_command(server, {"cmd": "sleep 0.2"}) for _ in range(64)))


async def parallel_sleep() -> None:
    note("64 commands at a time")
    ours, naive = [], []
    for _ in range(3):
        ours.append(await timed_ms(sleep_together(GATEWAY)))
        naive.append(await timed_ms(sleep_together(NAIVE)))
    report("parallel_sleep", statistics.median(ours), statistics.median(naive))


async def health_times(count: int, until: asyncio.Event | None = None) -> list[float]:
    times = []
    async with Connection(GATEWAY) as connection:
        while len(times) < count if until is None else not until.is_set():
            times.append(await timed_ms(connection.json("GET", "/health")))
            await asyncio.sleep(0.005)
    return times


async def health_under_load() -> None:
    note("health while commands run")
    idle: list[float] = []
    loaded: list[float] = []
    for _ in range(10):
        idle += await health_times(60)
        over = asyncio.Event()
        asking = asyncio.create_task(health_times(0, over))
        for _ in range(2):
            await sleep_together(GATEWAY)
        over.set()
        loaded += await asking
    report("health_under_load.p95", percentile(loaded, 0.95), percentile(idle, 0.95))


async def run_overhead() -> None:
    note("one command after the other")
    ours, bare = [], []
    async with Connection(GATEWAY) as connection:
        for _ in range(300):
            ours.append(await timed_ms(connection.json("POST", "/run-bash/", {"cmd": "true"})))
            begun = time.perf_counter()
            subprocess.run(["/bin/bash", "-c", "true"], capture_output=True, check=True)
            bare.append((time.perf_counter() - begun) * 1000)
    report("run_overhead_ms.p50", statistics.median(ours) - statistics.median(bare))


def chat(model: str, tokens: int) -> dict[str, object]:
    return {
        "model": model,
        "messages": [{"role": "user", "content": "Tell a story."}],
        "max_tokens": tokens,
        "stream": True,
        "temperature": 1,
        "seed": 1,
        "ignore_eos": True,
    }


@dataclass(frozen=True)
class Way:
    """One way to the same model."""

    server: Server
    path: str


DIRECT = Way(LLAMA, "/v1/chat/completions")
#: By the first part of the figures' names.
THROUGH = {"": Way(GATEWAY, "/llama-cpp/v1/chat/completions"), "v1_": Way(GATEWAY, "/v1/chat/completions")}
WAYS = (*THROUGH.values(), DIRECT)


async def ask(way: Way, model: str, tokens: int) -> tuple[float, float, int]:
    """Milliseconds to the first piece with text, seconds from it to the last, and the count of events."""
    begun = time.perf_counter()
    first = last = 0.0
    events = 0
    async with Connection(way.server) as connection:
        async for piece in connection.stream("POST", way.path, chat(model, tokens)):
            if b'"content":"' in piece or events:
                last = time.perf_counter()
                first = first or last
                events += piece.count(b"\n\ndata: ") + piece.startswith(b"data: ")
            if b'"error"' in piece:
                raise RuntimeError(piece.decode(errors="replace"))
    return (first - begun) * 1000, last - first, events


async def ttft_ms(model: str, count: int) -> dict[Way, float]:
    """Median milliseconds to the first token, by each way."""
    times: dict[Way, list[float]] = {way: [] for way in WAYS}
    for _ in range(count):
        for way in WAYS:
            times[way].append((await ask(way, model, 2))[0])
    return {way: statistics.median(values) for way, values in times.items()}


async def rates(model: str, tokens: int, parallel: int, rounds: int) -> dict[Way, float]:
    """Median tokens per second of all streams together, by each way."""
    results: dict[Way, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            begun = time.perf_counter()
            answers = await asyncio.gather(*(ask(way, model, tokens) for _ in range(parallel)))
            seconds = answers[0][1] if parallel == 1 else time.perf_counter() - begun
            results[way].append(sum(answer[2] for answer in answers) / seconds)
    return {way: statistics.median(values) for way, values in results.items()}


async def streams() -> None:
    for model in (REAL_MODEL, FAST_MODEL):
        for way in WAYS:
            await ask(way, model, 16)
    note("time to the first token")
    times = await ttft_ms(REAL_MODEL, 40)
    for prefix, way in THROUGH.items():
        report(f"{prefix}ttft_ms", times[way] - times[DIRECT])
    note("one stream")
    report_rates("stream_rate", await rates(REAL_MODEL, 100, 1, 10))
    note("32 streams")
    report_rates("stream_rate_32", await rates(REAL_MODEL, 24, 32, 5))
    note("a stream of the tiny model")
    report_rates("stream_fast", await rates(FAST_MODEL, 2000, 1, 10))


def report_rates(name: str, found: dict[Way, float]) -> None:
    for prefix, way in THROUGH.items():
        report(f"{prefix}{name}", found[way], found[DIRECT])


def resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} tells no memory")


def gateway_pid() -> int:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # Its guard has the same words behind its own.
        if b"lm_gateway" in words and not words[0].endswith(b"lm-guard"):
            return int(folder.name)
    raise RuntimeError("the gateway's process was not found")


async def peak_growth(work: Callable[[], Awaitable[object]]) -> int:
    pid = gateway_pid()
    before = peak = resident_bytes(pid)
    running = asyncio.ensure_future(work())
    while not running.done():
        peak = max(peak, resident_bytes(pid))
        await asyncio.sleep(0.02)
    await running
    return peak - before


def read_bare(command: str) -> float:
    begun = time.perf_counter()
    with subprocess.Popen(["/bin/bash", "-c", command], stdout=subprocess.PIPE) as process:
        assert process.stdout
        while os.read(process.stdout.fileno(), 65536):
            pass
    return time.perf_counter() - begun


async def floods() -> None:
    note("floods of output")
    line = b"0123456789" * 9 + b"abcdefghi\n"
    FLOOD_FILE.write_bytes(line * (FLOOD_BYTES // len(line)))
    commands: list[dict[str, object]] = [
        {"cmd": "yes", "timeout_s": 10},
        {"cmd": "head -c 100000000 /dev/zero | tr '\\0' x"},
        {"cmd": f"cat {FLOOD_FILE}"},
    ]
    growth = 0
    for command in commands:

        async def flood(command: dict[str, object] = command) -> None:
            answer = await run_command(GATEWAY, command)
            text = str(answer["output"])
            assert answer["truncated"] and len(text.encode()) <= 1024 * 1024, "the answer is not cut"
            assert int(str(answer["output_bytes"])) > 50_000_000, answer["output_bytes"]

        growth = max(growth, await peak_growth(flood))
    report("flood_growth_mb", growth / 1e6)
    ours, bare = [], []
    for _ in range(10):
        ours.append(await timed_ms(run_command(GATEWAY, commands[2])) / 1000)
        bare.append(read_bare(str(commands[2]["cmd"])))
    mebibytes = FLOOD_BYTES / 1024 / 1024
    report("flood_rate", mebibytes / statistics.median(ours), mebibytes / statistics.median(bare))
    FLOOD_FILE.unlink()


WAYS_TO_STAY = {
    "background": "sleep MARK & sleep 30",
    "nohup": "nohup sleep MARK >/dev/null 2>&1 & sleep 30",
    "setsid": "setsid sleep MARK & sleep 30",
    "double fork": "( ( setsid sleep MARK >/dev/null 2>&1 & ) & ); sleep 30",
    "the shell ignores TERM": "trap '' TERM; sleep MARK; sleep MARK",
    "a child ignores TERM": "(trap '' TERM; exec sleep MARK) & wait; sleep 30",
    "a pipe is held open": "sleep MARK & disown; exit 0",
}


def living(mark: str) -> int:
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            count += mark.encode() in (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
    return count


async def left_alive() -> None:
    note("seven ways to stay alive")
    left = {}
    for server in (GATEWAY, NAIVE):
        alive = []
        for index, (way, command) in enumerate(WAYS_TO_STAY.items()):
            mark = f"{9000 + index}.{server.port}"
            asking = asyncio.create_task(
                run_command(server, {"cmd": command.replace("MARK", mark), "timeout_s": 1})
            )
            # The naive one waits for the pipe as long as anybody holds it.
            await asyncio.wait({asking}, timeout=4)
            await asyncio.sleep(2)
            if living(mark):
                alive.append(way)
            subprocess.run(["/usr/bin/pkill", "-KILL", "-f", f"sleep {mark}"], check=False)
            await asyncio.wait({asking}, timeout=5)
        left[server.port] = len(alive)
        note(f"port {server.port}: left alive: {', '.join(alive) or 'none'}")
    report("left_alive", left[GATEWAY.port], left[NAIVE.port])


PARTS = {
    "commands": (parallel_sleep, health_under_load, run_overhead),
    "streams": (streams,),
    "floods": (floods,),
    "left": (left_alive,),
}


async def main() -> None:
    for name in sys.argv[1:] or PARTS:
        for part in PARTS[name]:
            await part()


asyncio.run(main())
