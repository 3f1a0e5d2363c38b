from __future__ import annotations

import math
import operator
import os
import signal
import time

import pytest

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


def test_local_workers_live_for_the_run_and_outlive_an_error():
    executor = Local(jobs=1)
    try:
        first = executor.submit(os.getpid).result(60)
        assert first != os.getpid()
        assert isinstance(executor.submit(operator.truediv, 1, 0).exception(60), ZeroDivisionError)
        assert executor.submit(math.hypot, 3.0, 4.0).result(60) == 5.0
        assert executor.submit(os.getpid).result(60) == first
        assert executor.submit(signal.getsignal, signal.SIGINT).result(60) == signal.SIG_IGN
        assert executor.submit(os.getenv, "OMP_NUM_THREADS").result(60) is not None
        _died(executor)
        assert executor.submit(os.getpid).result(60) not in (first, os.getpid())
    finally:
        executor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def _died(executor):
    """A worker that dies fails its own work; later work goes to a new one."""
    assert "terminated" in str(executor.submit(os._exit, 3).exception(60))


def test_a_cancelled_local_executor_ends_at_once():
    executor = Local(jobs=1)
    pid = executor.submit(os.getpid).result(60)
    running, waiting = executor.submit(time.sleep, 60), executor.submit(time.sleep, 60)
    started = time.monotonic()
    executor.close(cancel=True)
    assert waiting.cancelled() or waiting.exception(10) is not None
    assert running.exception(10) is not None
    while _alive(pid):
        assert time.monotonic() - started < 10
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        os.waitpid(pid, os.WNOHANG)
        os.kill(pid, 0)
    except (ChildProcessError, ProcessLookupError):
        return False
    return True
