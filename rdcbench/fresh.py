"""Streams decoded by a receiver that never saw the coding: a process of its own, with the stored weights and the file.

What a codec keeps beside the stream when it codes (in itself, in a module, in the folder for temporary files) is not
there. `python -m rdcbench.fresh REQUEST` is that process; it decodes one stream of each row and compares with the row.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdcbench.bitstream import unpack
from rdcbench.errors import RdcbenchError, StreamError
from rdcbench.store import Store
from rdcbench.verify import Finding, verify
from rdcbench.verify.verdicts import Verdict, counted, listed

if TYPE_CHECKING:
    from rdcbench.bundle.streams import Received

NAME = "receiver-has-only-the-stream"
SAYS = (
    "a process that never coded decodes each row's stream, with the stored weights, to the images and bits of the row"
)
LONGEST = 600
"""Seconds after which the process is ended."""
CLOSE = 1
"""Grey levels by which the rounding of another machine may move a pixel."""
STRAY = 1
"""So many images of a row may differ by more: samplers compare random numbers with rounded ones."""
PRECISION = 1e-6
"""Share by which the bits of an image may differ."""


@dataclass(frozen=True)
class Told:
    """What the process says of one row: how many images it compared, or what is wrong, or why it could not tell."""

    row: str
    images: int = 0
    wrong: str = ""
    unknown: str = ""


def verify_afresh(stores: Sequence[Store], plugin_files: Sequence[Path] = ()) -> list[Finding]:
    """`rdcbench.verify.verify`, with what the process finds in second place; both work at the same time.

    plugin_files: the single-file plugins that brought parts of the runs.
    """
    with _receiver(stores, plugin_files) as answer:
        first, *others = verify(*stores)
        return [first, judged(answer()), *others]


def judged(told: Sequence[Told] | str) -> Finding:
    """The verdict on all rows; a text says why there is nothing."""
    if isinstance(told, str):
        return Finding(NAME, "UNDECIDED", SAYS, told)
    wrong = [f"{one.row} {one.wrong}" for one in told if one.wrong]
    unknown = [f"{one.row}: {one.unknown}" for one in told if one.unknown]
    seen = [one.images for one in told if one.images]
    numbers = f"{counted(len(told), 'stream')}, one of each row"
    numbers += f"; {min(seen)} images of each looked at" if seen else ""
    numbers += f"; not as in the row: {listed(wrong)}" if wrong else ""
    numbers += f"; cannot tell: {listed(unknown)}" if unknown else ""
    verdict: Verdict = "FAIL" if wrong else "UNDECIDED" if unknown or not told else "PASS"
    return Finding(NAME, verdict, SAYS, numbers)


# ------------------------------------------------------------------------------------------------ who asks the process


@contextmanager
def _receiver(stores: Sequence[Store], plugin_files: Sequence[Path]) -> Iterator[Callable[[], list[Told] | str]]:
    """Start the process in an empty folder, which it also takes for that of temporary files; give who waits for it."""
    roots = [str(store.root.resolve()) for store in stores if any(store.path("streams").glob("*.rdc"))]
    if not roots:
        yield lambda: "no stream was kept"
        return
    with tempfile.TemporaryDirectory(prefix="rdcbench-") as folder:
        request = {"runs": roots, "plugins": [str(path.resolve()) for path in plugin_files]}
        (Path(folder) / "request.json").write_text(json.dumps(request), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "rdcbench.fresh", "request.json"],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield lambda: _answer(process, Path(folder) / "answer.json")
        finally:
            process.kill()
            process.wait()


def _answer(process: subprocess.Popen[str], path: Path) -> list[Told] | str:
    try:
        _, errors = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return f"the process was ended after {LONGEST} s"
    if process.returncode or not path.is_file():
        last = (errors.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        return f"the process ended without an answer: {last}"
    return [Told(**one) for one in json.loads(path.read_text(encoding="utf-8"))]


# --------------------------------------------------------------------------------------------------------- the process


def main(request: Path) -> None:
    """Decode one stream of each row of some runs; the answer is written beside the request."""
    asked = json.loads(request.read_text(encoding="utf-8"))
    plugins = tuple(map(Path, asked["plugins"]))
    told = [vars(one) for run in asked["runs"] for one in _rows(Store(Path(run)), plugins)]
    request.with_name("answer.json").write_text(json.dumps(told), encoding="utf-8")


def _rows(store: Store, plugin_files: tuple[Path, ...]) -> Iterator[Told]:
    """One stream of each row, of another seed from row to row."""
    from rdcbench import building

    plan = store.plan()
    assert plan is not None, "rows were read of this plan"
    settings = building.Settings(store.root, plugin_files=plugin_files)
    for number, row in enumerate(store.rows()):
        seed = row.seeds[number % len(row.seeds)]
        yield _told(building.work_of(plan, plan.job(f"{row.name}/seed{seed}"), settings))


def _told(work: Any) -> Told:
    """Load what the receiver has (what fails here is no codec's fault), then decode (what fails here is)."""
    import torch

    from rdcbench import building
    from rdcbench.bundle.streams import receive

    store, name = work.settings.store(), work.job.row
    torch.set_num_threads(work.job.training.threads if work.job.training else 1)
    try:
        codec = building.load_codec(work).codec
        data, arrays = store.path(f"streams/{work.key}.rdc").read_bytes(), store.arrays(work.key)
        cell = store.cell(work.key)
    except Exception as error:  # a stranger's part may raise anything
        return Told(name, unknown=_sentence(error))
    try:
        received = receive(work, codec)
        wrong = _size_apart(data, cell.values) or _bits_apart(received, arrays) or _images_apart(received, arrays)
    except Exception as error:
        return Told(name, wrong=f"does not decode: {_sentence(error)}")
    return Told(name, len(arrays["sample_index"]), wrong)


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, RdcbenchError) else f"{type(error).__name__}: {error}"


def _size_apart(data: bytes, values: Any) -> str:
    """Whether the row counts every byte of its file, as payload or as header."""
    count = unpack(data).count
    counted_bytes = values["rate_coded"].value * count / 8 + values["header_bytes"].value
    if abs(counted_bytes - len(data)) < 0.5:
        return ""
    return f"counts {counted_bytes:.0f} bytes, and its file has {len(data)}"


def _bits_apart(received: Received, arrays: Any) -> str:
    """Whether the symbols cost what the row says, image by image; "" for a codec that does not show them."""
    import numpy as np

    if received.bits is None:
        return ""
    bits, said = received.bits.double().numpy(), arrays["rate_model"]
    apart = (
        int((~np.isclose(bits, said, rtol=PRECISION, atol=PRECISION)).sum()) if bits.shape == said.shape else len(bits)
    )
    return f"has other bits for {apart} of {len(bits)} images" if apart else ""


def _images_apart(received: Received, arrays: Any) -> str:
    """Whether the images that the row kept come back."""
    import torch

    index, kept = torch.tensor(arrays["sample_index"]), torch.tensor(arrays["sample_x_hat"])
    if len(index) == 0:
        raise StreamError("the row kept no images")
    images = (received.images(index).clamp(0, 1) * 255).round()
    apart = int(((images - kept.float()).abs().flatten(1).amax(1) > CLOSE).sum())
    return f"decodes to other images: {apart} of {len(index)}" if apart > STRAY else ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
