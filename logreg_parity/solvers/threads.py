"""What belongs to a whole process, and what several threads may ask of it at once."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from threading import Lock
from types import TracebackType

from threadpoolctl import LibController, ThreadpoolController


class Shared:
    """A context that changes the process: the first thread in enters it, the last one out leaves it.

    Threads that entered it one by one would each put back what another had set.

    Args:
        make: gives the context anew.
    """

    def __init__(self, make: Callable[[], AbstractContextManager]):
        self._make, self._lock, self._inside = make, Lock(), 0
        self._held: AbstractContextManager | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                held = self._make()
                held.__enter__()
                self._held = held
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._held is not None:
                self._held.__exit__(None, None, None)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """``_blas().limit(limits=1, user_api="blas")``, which first asks every library all that it can tell."""
    libraries = [library for library in _blas().lib_controllers if library.user_api == "blas"]
    before = [library.num_threads for library in libraries]
    for library in libraries:
        _set(library, 1)
    try:
        yield
    finally:
        for library, threads in zip(libraries, before, strict=True):
            _set(library, threads)


def _set(library: LibController, threads: int) -> None:
    """From any thread: threadpoolctl 3.8 drops, without a word, what is not asked by the first thread that asked."""
    release = getattr(library, "clear_controlling_thread", lambda **_: None)
    release(force=True)
    library.set_num_threads(threads)
    release(force=True)


one_blas_thread = Shared(_one_blas_thread)
"""What NumPy's own products run on.

On more threads they would add in another order. And between passes they are small, and wait for the cores that the
passes have just used: with 200 features ten times as long as on one.
"""
