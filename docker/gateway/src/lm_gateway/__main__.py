"""`python -I -m lm_gateway`: the gateway as a server."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn

from lm_gateway.app import create_app
from lm_gateway.http.open_access import OPEN_WARNING
from lm_gateway.http.token_file import TokenFileError
from lm_gateway.launcher import NOT_ISOLATED_WARNING
from lm_gateway.settings import SettingsError, read_settings
from lm_guard.orphans import become_subreaper, end_with_parent, forbid_inspection

EXIT_CONFIGURATION = 78
GRACEFUL_STOP_S = 2
KEEP_ALIVE_S = 75
WEBSOCKET_MESSAGE_MAX_BYTES = 256 * 1024


def main() -> int:
    """Serves until stopped; 78 when a setting is missing or wrong.

    With LM_LISTEN_FD an inherited listening socket is used, else LM_GATEWAY_HOST and LM_GATEWAY_PORT.
    """
    forbid_inspection()
    become_subreaper()
    if os.environ.get("LM_LAUNCHER_FILE"):
        # No engine takes a container with it when the app is killed.
        end_with_parent()
    try:
        settings = read_settings(os.environ)
        app = create_app(settings)
    except (SettingsError, TokenFileError) as error:
        print(f"the gateway cannot start: {error}", file=sys.stderr, flush=True)
        return EXIT_CONFIGURATION
    os.environ.pop("LM_API_TOKEN", None)
    if settings.open_access:
        print(f"warning: {OPEN_WARNING}", file=sys.stderr, flush=True)
    if settings.launcher and settings.launcher.isolation == "none":
        print(f"warning: {NOT_ISOLATED_WARNING}", file=sys.stderr, flush=True)
    config = uvicorn.Config(
        app,
        host=os.environ.get("LM_GATEWAY_HOST", "127.0.0.1"),
        port=int(os.environ.get("LM_GATEWAY_PORT", "8000")),
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        # The caller's address is what the engine's port forwarding makes of it: of no use.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACEFUL_STOP_S,
        # Longer than clients keep idle connections, or their next request meets one that is just closing.
        timeout_keep_alive=KEEP_ALIVE_S,
        ws="websockets-sansio",
        # Keystrokes and window sizes; a paste comes in pieces of this size at most.
        ws_max_size=WEBSOCKET_MESSAGE_MAX_BYTES,
        ws_per_message_deflate=False,
    )
    descriptor = os.environ.get("LM_LISTEN_FD")
    sockets = [socket.socket(fileno=int(descriptor))] if descriptor else None
    uvicorn.Server(config).run(sockets=sockets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
