"""Word from a worker that is to end to the job that it runs: a long job leaves the rest to another."""

from ctypes import c_bool
from multiprocessing.sharedctypes import RawValue

_asked = RawValue(c_bool, False)


def begin() -> None:
    """A worker begins: what it says is seen by the processes that it forks for its jobs, and by nobody else's."""
    global _asked
    _asked = RawValue(c_bool, False)


def ask() -> None:
    """Have the job that runs end soon."""
    _asked.value = True


def is_asked() -> bool:
    """Whether this job is to end soon."""
    return bool(_asked.value)
