from __future__ import annotations

import math
import multiprocessing
import operator
import os
import signal
import time
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest

from rdcbench import executors
from rdcbench.errors import RdcbenchError
from rdcbench.executors import Local, Serial


def test_serial_work_is_done_when_it_is_submitted():
    done = []
    executor = Serial()
    future = executor.submit(lambda *numbers: done.append(numbers) or sum(numbers), 1, 2)
    assert done == [(1, 2)]
    assert future.done()
    assert future.result() == 3
    executor.close()
    executor.close(cancel=True)


def test_serial_work_that_raises_is_a_future_that_raises():
    future = Serial().submit(operator.truediv, 1, 0)
    assert isinstance(future.exception(), ZeroDivisionError)


def test_ctrl_c_is_not_swallowed_by_serial_work():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Serial().submit(interrupted)


def test_serial_is_one_job_at_a_time():
    with pytest.raises(RdcbenchError, match=r"one job at a time, not 3; use --executor local"):
        Serial(jobs=3)


def test_local_workers_live_for_the_run_and_outlive_errors_and_deaths():
    executor = Local(jobs=1)
    first = executor.submit(os.getpid).result(60)
    assert first != os.getpid()
    assert isinstance(executor.submit(operator.truediv, 1, 0).exception(60), ZeroDivisionError)
    assert executor.submit(math.hypot, 3.0, 4.0).result(60) == 5.0
    assert executor.submit(os.getpid).result(60) == first
    assert executor.submit(signal.getsignal, signal.SIGINT).result(60) == signal.SIG_IGN
    assert executor.submit(os.getenv, "OMP_NUM_THREADS").result(60) is not None

    assert isinstance(executor.submit(os._exit, 3).exception(60), BrokenExecutor)
    second = executor.submit(os.getpid).result(60)
    assert second not in (first, os.getpid())

    cut_off = [executor.submit(time.sleep, 60) for _ in range(3)]
    assert _soon(cut_off[0].running)
    executor.close(cancel=True)
    assert _soon(lambda: all(future.done() for future in cut_off))
    assert _soon(lambda: second not in {child.pid for child in multiprocessing.active_children()})


def _soon(condition) -> bool:
    """Whether something comes true within ten seconds."""
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.02)
    return False


def _start_a_worker(told) -> None:
    pool = executors._pool()
    pool.submit(os.getpid)
    told.send(list(pool._processes))
    time.sleep(60)


def _runs(process: int) -> bool:
    """Whether it is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc who runs")
def test_a_worker_whose_parent_is_killed_while_it_starts_ends_too():
    ours, theirs = multiprocessing.Pipe()
    parent = multiprocessing.get_context("fork").Process(target=_start_a_worker, args=(theirs,))
    parent.start()
    (worker,) = ours.recv()
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    assert _runs(worker), "it is importing"
    end = time.monotonic() + 60
    while _runs(worker) and time.monotonic() < end:
        time.sleep(0.2)
    assert not _runs(worker)
