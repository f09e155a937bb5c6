"""Programs that leave nothing behind: the Python side of docker/image/guard/lm-guard.c."""

from lm_guard.process import GuardedProcess, GuardOptions, ProcessEnd, StartFailed
from lm_guard.ready import ReadyGuard

__all__ = ["GuardOptions", "GuardedProcess", "ProcessEnd", "ReadyGuard", "StartFailed"]
