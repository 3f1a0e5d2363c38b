"""Jobs on a Ray cluster: each is one task, with the processors, the share of a GPU and the memory that it declares."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import BrokenExecutor, Future
from functools import partial
from typing import Any

import rdcbench

CONNECT_SECONDS = 10.0
OF_THIS_MACHINE = {"_system_config": {"worker_niceness": 0}}
"""A Ray that is started for the run has workers of the usual priority; by itself it would give them a low one."""


class Ray(rdcbench.Cluster):
    """Jobs as tasks of a Ray cluster; without an address, of a Ray that is started on this machine for the run.

    address: of the cluster's head, such as 10.0.0.1:6379, or auto for the one that this machine is part of.
    gpus: GPUs that each job takes; jobs with .5 share one by two.
    memory_gb: memory that is set aside for each job, in 10^9 bytes.
    retries: how often a job is done again whose worker or node was lost.
    """

    name = "ray"

    def __init__(
        self, address: str = "", gpus: float = 0.0, memory_gb: float = 0.0, retries: int = 3, threads: int = 1
    ) -> None:
        self._address = address or os.environ.get("RAY_ADDRESS", "")
        self._needs = {"CPU": float(threads), "GPU": float(gpus), "memory": float(memory_gb) * 1e9}
        if min(self._needs.values()) < 0 or retries < 0:
            raise rdcbench.RdcbenchError("gpus, memory_gb and retries of the executor 'ray' must not be negative.")
        self._retries = retries
        self._ray: Any = None
        self._started_here = False
        self._references: dict[Any, Future[Any]] = {}

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand to Ray, which finds a node with room and starts again what is lost with a worker."""

        def call(work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
            return work(*arguments)  # defined here, it travels by value: nodes need not have this package

        options = {"num_cpus": self._needs["CPU"], "num_gpus": self._needs["GPU"], "memory": self._needs["memory"]}
        task = self._connected().remote(call).options(**options, max_retries=self._retries)
        reference = task.remote(work, arguments)
        future: Future[Any] = Future()
        self._references[reference] = future
        reference.future().add_done_callback(partial(self._settle, reference))
        return future

    def slots(self) -> int:
        """How many jobs all nodes together have room for."""
        return sum(self._room(node["Resources"]) for node in self._connected().nodes() if node["Alive"])

    def close(self, cancel: bool = False) -> None:
        """Leave the cluster; with `cancel`, end what still runs there. A Ray that was started for the run ends."""
        if self._ray is None:
            return
        for reference in list(self._references) if cancel else ():
            self._ray.cancel(reference, force=True)
        if self._started_here:
            self._ray.shutdown()
        self._ray = None

    def _settle(self, reference: Any, ended: Future[Any]) -> None:
        """Give the result or the work's own error; what Ray says of lost workers is a broken executor."""
        from ray.exceptions import RayTaskError

        future, error = self._references.pop(reference), ended.exception()
        if error is None:
            future.set_result(ended.result())
        elif isinstance(error, RayTaskError):
            future.set_exception(error.cause)
        else:
            future.set_exception(BrokenExecutor(str(error).partition("\n")[0]))

    def _room(self, resources: Mapping[str, float]) -> int:
        """How many jobs one node has room for."""
        return min(int(resources.get(name, 0.0) / need) for name, need in self._needs.items() if need)

    def _connected(self) -> Any:
        """Ray, once it is reached."""
        if self._ray is None:
            ray = _imported()
            if not ray.is_initialized():
                _connect(ray, self._address)
                self._started_here = True
            self._ray = ray
            self._check_room()
        return self._ray

    def _check_room(self) -> None:
        """Refuse jobs for which no node has room: Ray would wait for such a node without an end."""
        alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if any(self._room(resources) for resources in alive):
            return
        wanted = ", ".join(f"{need:g} {name}" for name, need in self._needs.items() if need)
        there = "; ".join(", ".join(f"{node.get(name, 0):g} {name}" for name in self._needs) for node in alive)
        self.close()
        raise rdcbench.RdcbenchError(f"A job needs {wanted}; no node of the Ray cluster has that, they have {there}.")


def _imported() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    try:
        import ray
    except ImportError as error:
        raise rdcbench.RdcbenchError(
            f"The executor 'ray' needs Ray, which cannot be imported ({error}); pip install ray, on every node."
        ) from error
    return ray


def _connect(ray: Any, address: str) -> None:
    """Connect to a cluster, or start a Ray on this machine; RdcbenchError if there is none at the address."""
    _knock(address)
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(
                address="local", include_dashboard=False, object_store_memory=100 << 20, **OF_THIS_MACHINE, **quiet
            )
    except Exception as error:  # Ray has errors of many families here
        raise _unreachable(address or "local", str(error).partition("\n")[0]) from error


def _knock(address: str) -> None:
    """Refuse an address where nobody listens, before Ray waits for it."""
    host, _, port = address.rpartition("://")[2].partition("/")[0].rpartition(":")
    if not host and address in ("", "auto", "local"):
        return
    if not host or not port.isdigit():
        raise _unreachable(address, "an address is HOST:PORT, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def _unreachable(address: str, why: str) -> rdcbench.RdcbenchError:
    return rdcbench.RdcbenchError(
        f"There is no Ray cluster at {address!r}: {why}. `ray start --head` prints the address of its own."
    )


@rdcbench.hookimpl
def rdcbench_executors() -> Iterable[type[rdcbench.Executor]]:
    """Offer the executor."""
    return (Ray,)
