"""Small fake idx sets and a local server that stands for a mirror."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from rdcbench_mnist.data.idx_sets import IdxDataset, IdxSet, RawFile
from rdcbench_mnist.data.sources import Mirror

COUNTS, SIDE = (60, 20), 8
NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 | array.ndim, *array.shape) + array.tobytes()


def _contents() -> dict[str, bytes]:
    random = np.random.default_rng(0)
    arrays = []
    for count in COUNTS:
        arrays.append(random.integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8))
        arrays.append(random.permutation(np.arange(count, dtype=np.uint8) % 10))
    return dict(zip(NAMES, map(idx_bytes, arrays), strict=True))


@dataclass
class Small:
    """A fake set: the content of each raw file, and a data set class made for it."""

    contents: dict[str, bytes]
    sources: list = field(default_factory=list)

    def dataset(self, zipped: bool = False, **options) -> IdxDataset:
        stored = {f"{n}.gz": gzip.compress(c, mtime=0) for n, c in self.contents.items()} if zipped else self.contents
        files = [RawFile(name, hashlib.md5(content).hexdigest()) for name, content in stored.items()]
        sources = self.sources

        class SmallSet(IdxDataset):
            """Fake."""

            name = "small"
            record = IdxSet(
                torchvision="MNIST",
                train=(files[0], files[1]),
                test=(files[2], files[3]),
                classes={"digit": 10, "parity": 2},
                images=COUNTS,
                side=SIDE,
            )

            def sources(self):
                return sources

        return SmallSet(**{"validation": 10, **options})


@pytest.fixture
def small() -> Small:
    return Small(_contents())


@dataclass
class Server:
    """A web folder: path -> content; `short` cuts that many bytes off; `asked` are the paths that were asked for."""

    url: str = ""
    content: dict[str, bytes] = field(default_factory=dict)
    short: int = 0
    asked: list[str] = field(default_factory=list)

    def mirror(self) -> Mirror:
        return Mirror(self.url)


@pytest.fixture
def serve():
    """Start servers on this machine; they end with the test."""
    running = []

    def start(content: dict[str, bytes], short: int = 0) -> Server:
        state = Server(content=content, short=short)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                state.asked.append(self.path)
                body = state.content.get(self.path)
                if body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) - state.short])

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        running.append((server, thread))
        state.url = f"http://127.0.0.1:{server.server_port}/set/"
        return state

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def zipped(small) -> dict[str, bytes]:
    """What a healthy mirror of the small set serves."""
    return {f"/set/{name}.gz": gzip.compress(content, mtime=0) for name, content in small.contents.items()}
