"""Programs that leave nothing behind: the Python side of docker/image/guard/lm-guard.c."""

from lm_guard.process import GuardedProcess, GuardOptions, ProcessEnd, StartFailed

__all__ = ["GuardOptions", "GuardedProcess", "ProcessEnd", "StartFailed"]
