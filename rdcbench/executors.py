"""Where work runs: in this process, in local worker processes that live for the whole run, or on a cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from rdcbench.errors import RdcbenchError
from rdcbench.interfaces import Executor


class Cluster(Executor, ABC):
    """An executor of other machines: their number may change, and none of them is expected to see the run's disk."""

    @abstractmethod
    def slots(self) -> int:
        """How many jobs the machines that are there now can take at once."""


class Serial(Executor):
    """One job after the other, in this process."""

    name = "serial"

    def __init__(self, jobs: int = 1) -> None:
        if jobs != 1:
            raise RdcbenchError(f"The executor 'serial' runs one job at a time, not {jobs}; use --executor local.")

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run at once; the future is finished."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self, cancel: bool = False) -> None:
        """Nothing runs any more."""


class Local(Executor):
    """Worker processes on this machine, spawned once; each job computes with the threads that its recipe says."""

    name = "local"

    def __init__(self, jobs: int = 1) -> None:
        self._lanes = [_Lane() for _ in range(jobs)]

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand to the worker with the least to do."""
        return min(self._lanes, key=_Lane.load).submit(work, *arguments)

    def close(self, cancel: bool = False) -> None:
        """Wait for the workers, or end them at once."""
        for lane in self._lanes:
            lane.close(cancel)


class _Lane:
    """One worker with its own queue, so that a worker that dies or is ended takes no other one's job with it."""

    def __init__(self) -> None:
        self._pool = _pool()
        self._futures: list[Future[Any]] = []

    def load(self) -> int:
        """How many jobs run or wait here."""
        self._futures = [future for future in self._futures if not future.done()]
        return len(self._futures)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand to the worker; where it has died, to a new one."""
        try:
            future = self._pool.submit(work, *arguments)
        except BrokenProcessPool:
            self._pool = _pool()
            future = self._pool.submit(work, *arguments)
        self._futures.append(future)
        return future

    def close(self, cancel: bool) -> None:
        workers = list((self._pool._processes or {}).values()) if cancel else []
        self._pool.shutdown(wait=not cancel, cancel_futures=cancel)
        for worker in workers:
            worker.terminate()


def _pool() -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=spawn, initializer=_quiet_worker, initargs=(os.getpid(),))


def _quiet_worker(parent: int) -> None:
    """Leave Ctrl-C to the parent, end with it, and give one thread to each library until the job says otherwise.

    The parent says who it is: while a worker imports for seconds, it may be killed, and the worker be another's child.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _end_with_parent(parent: int) -> None:
    """End this worker when the run that started it was killed: nobody waits for its results any more."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
