"""The baseline: an endpoint as it is often written, a blocking `subprocess.run` inside `async def`."""

import subprocess

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Command(BaseModel):
    cmd: str
    timeout_s: float = 120


@app.post("/run-bash/")
async def run_bash(command: Command) -> dict[str, str]:
    try:
        done = subprocess.run(
            ["/bin/bash", "-c", command.cmd], capture_output=True, text=True, timeout=command.timeout_s
        )
    except subprocess.TimeoutExpired:
        return {"output": "", "error": "timed out"}
    return {"output": done.stdout, "error": done.stderr}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
