"""Decoding a whole split with what sender and receiver share."""

from __future__ import annotations

import torch

from rdcbench import Context


def decoded(codec, split, draw=0, **tradeoff):
    index = torch.arange(len(split))
    context = Context(codec.seed, split.name, index, draw, tradeoff)
    return codec.decompress(codec.compress(split.batch(index).x, context).payloads, context)


def error(split, x_hat):
    return float((split.batch(torch.arange(len(split))).x - x_hat).square().mean())
