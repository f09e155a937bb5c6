"""`python -I -m lm_supervisor`: the first process of the container (under the engine's init)."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

from lm_guard.orphans import forbid_inspection
from lm_supervisor.settings import SettingsError, SupervisorSettings, current_settings, prepare_folders
from lm_supervisor.supervisor import Supervisor, listen, write_to_stdout

EXIT_CONFIGURATION = 78


def main() -> int:
    """Runs the supervisor; 0 after a stop, 78 when a setting is missing or wrong."""
    forbid_inspection()
    try:
        settings = current_settings(sys.executable)
        prepare_folders(settings)
        listener = listen(settings.listen_address)
    except (SettingsError, OSError) as error:
        print(f"[supervisor] cannot start: {error}", file=sys.stderr, flush=True)
        return EXIT_CONFIGURATION
    os.environ.pop("LM_API_TOKEN", None)
    for warning in settings.warnings:
        write_to_stdout(f"[supervisor] warning: {warning}\n".encode())
    with listener:
        asyncio.run(_run(settings, listener))
    return 0


async def _run(settings: SupervisorSettings, listener: socket.socket) -> None:
    await Supervisor(settings, listener, write_to_stdout).run()


if __name__ == "__main__":
    sys.exit(main())
