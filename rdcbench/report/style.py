"""One look for all figures: colours that the colour-blind can tell apart (Okabe and Ito 2008), small sans type."""

from __future__ import annotations

import io
import logging
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
OTHER_MARKERS = ("s", "^", "D", "v", "P", "X")
INK, GREY, PALE = "#222222", "#666666", "#BBBBBB"
PANEL_WIDTH, PAGE_WIDTH = 4.6, 7.2
MARKER_SIZE = 5.0
PDF_FACTS = ("CreationDate", "Creator", "Producer")
"""What matplotlib would write about itself and the day."""
CHARACTERS_PER_INCH = 21
"""Of the small type of footnotes and legends, on the safe side."""
STYLE: Mapping[str, Any] = MappingProxyType(
    {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 8.0,
        "axes.labelsize": 8.0,
        "axes.titlesize": 8.0,
        "axes.labelcolor": INK,
        "axes.edgecolor": GREY,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "text.color": INK,
        "xtick.labelsize": 7.0,
        "ytick.labelsize": 7.0,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "legend.fontsize": 7.0,
        "legend.title_fontsize": 9.0,
        "legend.frameon": False,
        "lines.linewidth": 0.8,
        "svg.fonttype": "path",
        "svg.hashsalt": "rdcbench",
        "figure.dpi": 200.0,
    }
)


@dataclass(frozen=True)
class Look:
    """How one series is drawn."""

    color: str
    marker: str


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the house style, whatever the user's matplotlibrc says; remarks on fonts and caches stay unprinted."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        import matplotlib

        style: dict[Any, Any] = {key: value for key, value in matplotlib.rcParamsDefault.items() if key != "backend"}
        with warnings.catch_warnings(), matplotlib.rc_context(style | dict(STYLE)):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def new_drawing(width: float, height: float) -> Drawing:
    """An empty figure, in inches, that no window system knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def darker(color: str) -> str:
    """The colour for small text: dark enough to read, light enough to tell whose it is."""
    channels = [int(color[start : start + 2], 16) for start in (1, 3, 5)]
    return "#" + "".join(f"{round(0.65 * channel):02x}" for channel in channels)


def legend_columns(drawing: Drawing, labels: Sequence[str]) -> int:
    """How many labels fit beside each other."""
    longest = max(map(len, labels), default=1) + 8
    return max(1, min(4, int(drawing.get_figwidth() * CHARACTERS_PER_INCH / longest)))


def plain(text: str) -> str:
    """Make a name stand in a figure as itself: a dollar sign starts no formula."""
    return " ".join(text.split()).replace("$", r"\$")


def set_footnotes(drawing: Drawing, notes: Sequence[str]) -> None:
    """Put sentences under the panels, wrapped to the figure's width."""
    width = int(drawing.get_figwidth() * CHARACTERS_PER_INCH)
    lines = [line for note in notes for line in textwrap.wrap(note, width, break_on_hyphens=False)]
    if lines:
        drawing.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=6.5, color=GREY, linespacing=1.3)


def settle(drawing: Drawing) -> None:
    """Compute the layout and keep it, so that what is placed by pixels afterwards stays where it is."""
    drawing.draw_without_rendering()
    drawing.set_layout_engine("none")


def rendered(drawing: Drawing, form: str) -> bytes:
    """The figure as bytes, "png", "svg" or "pdf": the same bytes for the same figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    # the canvases themselves: Figure.savefig would draw everything once more for the layout
    canvas: Any = {"png": FigureCanvasAgg, "svg": FigureCanvasSVG, "pdf": FigureCanvasPdf}[form](drawing)
    # no time and no version of matplotlib in the file
    metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": dict.fromkeys(PDF_FACTS)}
    dpi = drawing.dpi
    with _outlined(drawing) if form == "pdf" else nullcontext():
        getattr(canvas, f"print_{form}")(buffer, metadata=metadata[form])
    drawing.set_dpi(dpi)  # SVG and PDF count in points and leave it so
    return buffer.getvalue()


@contextmanager
def _outlined(drawing: Drawing) -> Iterator[None]:
    """Draw text as outlines, as the SVG has it: cutting fonts to size takes longer than all else of a report."""
    from matplotlib.patheffects import Normal
    from matplotlib.text import Text

    texts: list[Any] = drawing.findobj(Text)
    before = [text.get_path_effects() for text in texts]
    for text in texts:
        text.set_path_effects([Normal()])
    try:
        yield
    finally:
        for text, effects in zip(texts, before, strict=True):
            text.set_path_effects(effects)
