"""Integer tables p(symbol | position, dither), and CompressAI's rANS coder driven by them.

The only module of the project that touches compressai. Importing this one does not import it: that takes a second and
prints warnings of torch.jit, which `quiet_import` keeps away from users.

Two things CompressAI's coder (1.2.8) leaves to its caller, found in its source and held here:
- its encoder writes into a buffer of one 32-bit word a symbol, and its flush takes two words, so a stream of one or
  two symbols is written past the buffer; `FILLERS` symbols at the end, nearly free, make room.
- its decoder reads on where a damaged payload ends, and a decoded escape may make it loop over foreign memory; so no
  table has an escape, and a payload is lengthened by zeros to the most that the decoder can read.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from rdcbench import PartError, StreamError

PRECISION: Final = 16
"""Frequencies of a table sum to 2^16: the precision that is compiled into CompressAI's coder."""

TOTAL: Final = 1 << PRECISION
LARGEST: Final = 1 << 12
"""Largest alphabet: CompressAI's rounding of a table takes time with the square of its size."""

FILLERS: Final = 4
WORD: Final = 4
"""Bytes of a word of the coder; its state, and so an empty stream, is two words."""

_CoderTables = tuple[list[list[int]], list[int], list[int]]


def quiet_import(module: str) -> Any:
    """Import a module of compressai without the deprecation warnings that its import gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


@final
class ConditionalTables(nn.Module):
    """One table of cumulative frequencies for each position and dither point, and the coder they drive.

    The state is one buffer `cdf`, int32 [positions * dither_points, max(alphabet) + 1]: row position * dither_points +
    dither rises from 0 to 2^16 over its alphabet and stays there. Until `set` all symbols are equally likely. The
    very integers that code also price, so that the bytes of a stream never undercut `bits`.

    Parameters
    ----------
    alphabet: int64 [*symbol_shape], symbols of each position, 1..2^12.
    dither_points: points of the dither's grid, M >= 1.

    Raises
    ------
    PartError: an alphabet is empty or larger than the tables can hold.
    """

    cdf: Tensor
    alphabet: Tensor
    _first_row: Tensor

    def __init__(self, alphabet: Tensor, dither_points: int) -> None:
        super().__init__()
        if alphabet.numel() == 0 or int(alphabet.min()) < 1 or int(alphabet.max()) > LARGEST:
            raise PartError(
                f"An entropy model codes alphabets of 1 to {LARGEST} symbols, the quantizer's are {alphabet.tolist()}; "
                "choose fewer levels."
            )
        self.dither_points = dither_points
        sizes = alphabet.detach().cpu().to(torch.int64)
        first_row = (torch.arange(sizes.numel()) * dither_points).view_as(sizes)
        self.register_buffer("alphabet", sizes, persistent=False)
        self.register_buffer("_first_row", first_row, persistent=False)
        self.register_buffer("cdf", _equal_shares(sizes).repeat_interleave(dither_points, 0))

    def set(self, weights: Tensor) -> None:
        """Make the tables from weights, float [positions, dither_points, >= max(alphabet)], finite and not negative.

        The weights of each row are normalised over its alphabet; CompressAI rounds them to frequencies of at least 1.
        """
        quantized = quiet_import("compressai._CXX").pmf_to_quantized_cdf
        sizes = self.alphabet.reshape(-1, 1).expand(-1, self.dither_points).reshape(-1).tolist()
        rows = torch.full(self.cdf.shape, TOTAL, dtype=torch.int32)
        for row, size, weight in zip(rows, sizes, weights.detach().cpu().double().flatten(0, 1), strict=True):
            kept = weight[:size] if size > 1 else torch.tensor([1.0, 0.0])
            frequencies = quantized((kept / kept.sum()).tolist(), PRECISION)
            row[: len(frequencies)] = torch.tensor(frequencies)
        self.cdf.copy_(rows)

    def bits(self, symbols: Tensor, dither: Tensor) -> Tensor:
        """-log2 of the frequencies that code, summed over an image: two int64 [n, *symbol_shape] -> float64 [n]."""
        self._check_symbols(symbols)
        cost = PRECISION - torch.log2(self.cdf.diff(dim=1).double())
        return cost[self._rows(dither), symbols].flatten(1).sum(1)

    def encode(self, symbols: Tensor, dither: Tensor) -> bytes:
        """Code all symbols, [n, *symbol_shape], in order as one stream of whole 32-bit words."""
        self._check_symbols(symbols)
        return self._encode(_ints(symbols).tolist(), _ints(self._rows(dither)).tolist(), self._coder_tables())

    def decode(self, payload: bytes, dither: Tensor) -> Tensor:
        """Read back the symbols, int64 [n, *symbol_shape], on the dither's device.

        What was read is coded again and must give the same bytes. That notices missing and surplus bytes, a wrong
        number of images, and nearly every flipped bit; what it cannot notice is a stream that became the stream of
        other symbols, which is what the container's checksum is for.

        Raises
        ------
        StreamError: the payload is not what `encode` made of that many images with this dither and these tables.
        """
        rows = _ints(self._rows(dither)).tolist()
        damaged = StreamError(
            f"The stream of symbols ({len(payload)} bytes) is damaged, or does not hold {len(dither)} images of this "
            "sender; fetch the file again, or ask for the images that it was made of."
        )
        if len(payload) < 2 * WORD or len(payload) % WORD:
            raise damaged
        tables = self._coder_tables()
        # A symbol reads at most one word, and the start two: with so many bytes no payload reads outside.
        readable = payload.ljust((len(rows) + 2) * WORD, b"\0")
        values = quiet_import("compressai.ans").RansDecoder().decode_with_indexes(readable, rows, *tables)
        symbols = torch.from_numpy(np.array(values, dtype=np.int64)).view(dither.shape).to(dither.device)
        if not self._inside(symbols) or self._encode(values, rows, tables) != payload:
            raise damaged
        return symbols

    @property
    def flush_bytes(self) -> int:
        """Bytes of a stream of no symbols at all, as the coder writes it: its final state."""
        return len(self._encode([], [], self._coder_tables()))

    def _encode(self, values: list[int], rows: list[int], tables: _CoderTables) -> bytes:
        """Run CompressAI's encoder over symbols and their tables, with the fillers behind them."""
        filler = len(tables[0]) - 1
        encoder = quiet_import("compressai.ans").RansEncoder()
        payload: bytes = encoder.encode_with_indexes(values + [0] * FILLERS, rows + [filler] * FILLERS, *tables)
        return payload

    def _coder_tables(self) -> _CoderTables:
        """Tables as CompressAI takes them (cdfs, sizes, offsets), the fillers' last.

        Each row gets one more 2^16 at its end, so that the escape symbol of CompressAI has the frequency 0 and cannot
        be decoded. Its own asserts would mind, but are compiled in with DEBUG_BUILD only.
        """
        rows = self.cdf.cpu().numpy()
        self._check_rows(rows)
        filler = np.full((1, rows.shape[1]), TOTAL)
        filler[0, :2] = 0, TOTAL - 1
        tables = np.pad(np.vstack([rows, filler]), ((0, 0), (0, 1)), constant_values=TOTAL)
        return tables.tolist(), [tables.shape[1]] * len(tables), [0] * len(tables)

    def _check_rows(self, rows: npt.NDArray[np.int32]) -> None:
        """Refuse tables that would make the coder divide by 0 or lose symbols, such as a damaged file's."""
        steps = np.diff(rows, axis=1)
        sizes = self.alphabet.cpu().numpy().reshape(-1, 1).repeat(self.dither_points, 0)
        used = np.arange(steps.shape[1]) < sizes
        ends = (rows[:, 0] == 0).all() and (rows[:, -1] == TOTAL).all()
        if not (ends and (steps >= used).all() and (steps < TOTAL).all()):
            raise PartError(
                "The tables of the entropy model are damaged; fit it again, or load the weights that it was saved with."
            )

    def _rows(self, dither: Tensor) -> Tensor:
        """Row of each symbol's table, int64 [n, *symbol_shape]."""
        if dither.shape[1:] != self.alphabet.shape:
            raise ValueError(f"dither has shape {list(dither.shape)}, not n times {list(self.alphabet.shape)}")
        if dither.numel() and (int(dither.min()) < 0 or int(dither.max()) >= self.dither_points):
            raise ValueError(f"dither leaves its grid of {self.dither_points} points")
        return self._first_row.to(dither.device) + dither

    def _inside(self, symbols: Tensor) -> bool:
        """Whether every symbol is in its alphabet."""
        return bool(((symbols >= 0) & (symbols < self.alphabet.to(symbols.device))).all())

    def _check_symbols(self, symbols: Tensor) -> None:
        """Raise ValueError, a bug of the quantizer, for a symbol outside its alphabet: the coder would divide by 0."""
        if symbols.shape[1:] != self.alphabet.shape or not self._inside(symbols):
            raise ValueError(f"symbols {list(symbols.shape)} leave their alphabets {self.alphabet.tolist()}")


def _equal_shares(sizes: Tensor) -> Tensor:
    """Cumulative frequencies of equally likely symbols, int32 [positions, max(sizes) + 1].

    A lone symbol shares with one that is never coded: alone it would have the frequency 2^16, which the coder cannot
    hold in its 16 bits.
    """
    flat = sizes.reshape(-1, 1)
    columns = torch.arange(max(int(flat.max()), 2) + 1)
    shares = (columns * TOTAL // flat).clamp(max=TOTAL)
    shares[flat.squeeze(1) == 1, 1] = TOTAL - 1
    return shares.to(torch.int32)


def _ints(values: Tensor) -> npt.NDArray[np.int32]:
    """Flat int32 numbers of a tensor of integers."""
    return values.detach().cpu().to(torch.int32).numpy().ravel()
