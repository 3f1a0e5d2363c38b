"""What universality saves: N end-to-end codecs against one encoder with N decoders."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Training seconds and stored parameters of one part, or of one whole codec."""

    seconds: float
    parameters: int


@dataclass(frozen=True)
class Amortisation:
    """Totals of both systems for the same N operating points; saved shares are 1 - universal / end_to_end.

    break_even: from how many points on the universal system takes less training time (NaN with reason if never).
    """

    points: int
    end_to_end: Cost
    universal: Cost
    seconds_saved: float
    parameters_saved: float
    break_even: float
    reason: str = ""


def amortisation(end_to_end: Sequence[Cost], encoder: Cost, decoders: Sequence[Cost]) -> Amortisation:
    """Compare N trained codecs with one encoder and N decoders, in seconds and parameters.

    `encoder` carries its whole training: the end-to-end run that it comes from, but the encoder's parameters only.
    ValueError unless there are as many codecs as decoders and every cost is finite and not negative.
    """
    if not end_to_end or len(end_to_end) != len(decoders):
        raise ValueError(f"{len(end_to_end)} codecs against {len(decoders)} decoders; the same points on both sides")
    for cost in (*end_to_end, encoder, *decoders):
        if not (math.isfinite(cost.seconds) and cost.seconds >= 0 and cost.parameters >= 0):
            raise ValueError(f"{cost} is not a cost; seconds and parameters are finite and not negative")
    separate, shared = _total(end_to_end), _total([encoder, *decoders])
    per_point = separate.seconds / len(end_to_end)
    gain = per_point - sum(decoder.seconds for decoder in decoders) / len(decoders)
    pays = gain > 0
    return Amortisation(
        points=len(decoders),
        end_to_end=separate,
        universal=shared,
        seconds_saved=_saved(shared.seconds, separate.seconds),
        parameters_saved=_saved(shared.parameters, separate.parameters),
        break_even=float(math.floor(encoder.seconds / gain) + 1) if pays else math.nan,
        reason="" if pays else "a decoder takes as long to train as a codec: sharing the encoder never pays",
    )


def _total(parts: Sequence[Cost]) -> Cost:
    return Cost(sum(part.seconds for part in parts), sum(part.parameters for part in parts))


def _saved(shared: float, separate: float) -> float:
    return 1.0 - shared / separate if separate > 0 else math.nan
