"""What the routes of /files need, as one."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lm_gateway.files.beneath import Beneath
from lm_gateway.files.leftovers import remove_leftovers
from lm_gateway.files.paths import Names, parse_path
from lm_gateway.files.store import WorkspaceFiles
from lm_gateway.files.workers import Workers
from lm_gateway.settings import Settings

LOG = logging.getLogger(__name__)


class Files:
    """The workspace's files and the threads that work on them."""

    def __init__(self, settings: Settings) -> None:
        launcher = settings.launcher
        #: As commands find it.
        self._workspace = launcher.workspace.inside if launcher else settings.workspace
        self._tree = Beneath(settings.workspace, owner=launcher.owner if launcher else None)
        self.workers = Workers()
        self.store = WorkspaceFiles(
            self._tree,
            reserve_bytes=settings.disk_reserve_bytes,
            max_bytes=settings.bodies.file,
        )

    def parse(self, path: str) -> Names:
        """A caller's path. Raises GatewayError."""
        return parse_path(path, self._workspace)

    @asynccontextmanager
    async def tidied(self) -> AsyncIterator[None]:
        """Takes away what a killed gateway left behind, beside all other work and until the gateway ends."""
        stop = threading.Event()
        # A thread of its own: a large workspace takes long, and requests wait for the workers.
        tidying = asyncio.create_task(asyncio.to_thread(self._tidy, stop))
        try:
            yield
        finally:
            stop.set()
            await tidying

    def _tidy(self, stop: threading.Event) -> None:
        if removed := remove_leftovers(self._tree, stop):
            LOG.warning("%d unfinished uploads of a gateway that was killed are deleted", removed)
