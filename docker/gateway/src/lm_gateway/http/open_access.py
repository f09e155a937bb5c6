"""LM_API_AUTH=none: no token, for callers on this machine only.

The gateway cannot see where the engine publishes its port: in a container it always listens on all
addresses, and only whoever starts the container knows the rest. So there are two conditions. At the start:
the gateway itself listens on a loopback address, or whoever starts the container states by
LM_PUBLISHED_ON=127.0.0.1 that the port is published there only. At each request: the caller's address is the
loopback's or the container's own router, from where the engine's port forwarding comes; other containers of
the network have other addresses and are refused, which the statement alone would not do.

The supervisor uses it too, so this file needs the standard library only.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

ROUTES = Path("/proc/net/route")
OPEN_WARNING = (
    "LM_API_AUTH=none: every program on this machine can run commands here without a token, and so can "
    "whatever they are tricked into calling; unset it when you are done"
)


class OpenAccessError(Exception):
    """LM_API_AUTH cannot be what it is. The text names the repair."""


def read_open_access(environment: Mapping[str, str]) -> bool:
    """Whether callers need no token. Raises OpenAccessError when that is wanted where others could call."""
    wanted = environment.get("LM_API_AUTH", "token")
    if wanted not in ("token", "none"):
        raise OpenAccessError(f"LM_API_AUTH is {wanted!r}; it must be token or none")
    if wanted == "token":
        return False
    host = environment.get("LM_GATEWAY_HOST", "127.0.0.1")
    listens_on_loopback = "LM_LISTEN_FD" not in environment and is_loopback(host)
    if not listens_on_loopback and not is_loopback(environment.get("LM_PUBLISHED_ON", "")):
        raise OpenAccessError(
            "LM_API_AUTH=none is refused: the gateway listens on all addresses of its container. Publish its "
            "port on the loopback only (--publish 127.0.0.1:8000:8000) and state so with "
            "LM_PUBLISHED_ON=127.0.0.1, or set a token"
        )
    return True


def is_loopback(host: str) -> bool:
    """Whether a host, as one writes it for listening, is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def routers(routes: Path = ROUTES) -> frozenset[str]:
    """The addresses of the default routes' routers. Empty where the kernel tells none."""
    try:
        lines = routes.read_text("ascii").splitlines()[1:]
    except OSError:
        return frozenset()
    found = set()
    for line in lines:
        _, destination, gateway, *_ = line.split()
        if int(destination, 16) == 0 and int(gateway, 16) != 0:
            # The kernel writes the number as it lies in memory.
            found.add(socket.inet_ntoa(struct.pack("=I", int(gateway, 16))))
    return frozenset(found)
