"""Programs that leave nothing behind: the callers' side of docker/image/guard/lm-guard.c, and `portable`, the
same guard for computers that have no compiled one."""

from lm_guard.process import GuardedProcess, GuardOptions, ProcessEnd, StartFailed
from lm_guard.ready import ReadyGuard

__all__ = ["GuardOptions", "GuardedProcess", "ProcessEnd", "ReadyGuard", "StartFailed"]
