"""What the routes of /files need, as one."""

from __future__ import annotations

from lm_gateway.files.beneath import Beneath
from lm_gateway.files.paths import parse_path
from lm_gateway.files.store import WorkspaceFiles
from lm_gateway.files.workers import Workers
from lm_gateway.settings import Settings


class Files:
    """The workspace's files and the threads that work on them."""

    def __init__(self, settings: Settings) -> None:
        self._workspace = settings.workspace
        self.workers = Workers()
        self.store = WorkspaceFiles(
            Beneath(settings.workspace),
            reserve_bytes=settings.disk_reserve_bytes,
            max_bytes=settings.bodies.file,
        )

    def parse(self, path: str) -> tuple[str, ...]:
        """A caller's path. Raises GatewayError."""
        return parse_path(path, self._workspace)
