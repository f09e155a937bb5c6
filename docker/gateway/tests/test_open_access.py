"""LM_API_AUTH=none: when it is refused, and who may then call."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from lm_gateway import settings as gateway
from lm_gateway.http.open_access import OpenAccessError, is_loopback, read_open_access, routers
from lm_supervisor import settings as supervisor

NONE = {"LM_API_AUTH": "none"}


@pytest.mark.parametrize(
    ("environment", "is_open"),
    [
        ({}, False),
        ({"LM_API_AUTH": "token", "LM_PUBLISHED_ON": "127.0.0.1"}, False),
        (NONE, True),
        ({**NONE, "LM_GATEWAY_HOST": "localhost"}, True),
        ({**NONE, "LM_GATEWAY_HOST": "::1"}, True),
        ({**NONE, "LM_GATEWAY_HOST": "0.0.0.0", "LM_PUBLISHED_ON": "127.0.0.1"}, True),
        ({**NONE, "LM_LISTEN_FD": "4", "LM_PUBLISHED_ON": "::1"}, True),
    ],
)
def test_it_is_open_only_where_it_is_asked_for_and_local(environment: dict[str, str], is_open: bool) -> None:
    assert read_open_access(environment) is is_open


@pytest.mark.parametrize(
    "environment",
    [
        {**NONE, "LM_LISTEN_FD": "4"},
        {**NONE, "LM_LISTEN_FD": "4", "LM_GATEWAY_HOST": "127.0.0.1"},
        {**NONE, "LM_GATEWAY_HOST": "0.0.0.0"},
        {**NONE, "LM_GATEWAY_HOST": "192.168.1.2"},
        {**NONE, "LM_GATEWAY_HOST": "gateway"},
        {**NONE, "LM_LISTEN_FD": "4", "LM_PUBLISHED_ON": "0.0.0.0"},
        {**NONE, "LM_LISTEN_FD": "4", "LM_PUBLISHED_ON": "yes"},
        {"LM_API_AUTH": "off"},
        {"LM_API_AUTH": ""},
    ],
)
def test_anything_else_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(OpenAccessError, match="LM_API_AUTH"):
        read_open_access(environment)


def test_the_supervisor_demands_the_statement_because_it_listens_on_all_addresses() -> None:
    with pytest.raises(supervisor.SettingsError, match="LM_PUBLISHED_ON"):
        supervisor.read_settings({**NONE, "LM_GATEWAY_HOST": "127.0.0.1"}, "python")
    settings = supervisor.read_settings({**NONE, "LM_PUBLISHED_ON": "127.0.0.1"}, "python")
    assert any("LM_API_AUTH=none" in warning for warning in settings.warnings)
    part = next(part for part in settings.parts if part.name == "gateway")
    assert part.secret is None
    assert gateway.read_settings(part.environment).open_access
    assert gateway.read_settings(part.environment).token is None


def test_routers_are_read_from_the_table_of_the_kernel(tmp_path: Path) -> None:
    number = struct.unpack("=I", bytes([172, 17, 0, 1]))[0]
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway \tFlags\n"
        f"eth0\t00000000\t{number:08X}\t0003\n"
        f"eth0\t{number:08X}\t00000000\t0001\n"
        "tun0\t00000000\t00000000\t0001\n"
    )
    assert routers(table) == {"172.17.0.1"}
    assert routers(tmp_path / "missing") == frozenset()


def test_loopback_addresses_are_known() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("", "0.0.0.0", "::", "10.0.0.1", "example.org"))
