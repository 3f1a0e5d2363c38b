"""A stream read with the weights that came with it."""

from __future__ import annotations

import pytest
import torch

from rdcbench import building
from rdcbench.bundle.streams import digest_of_symbols, done_codecs, receive
from rdcbench.errors import StoreError, StreamError
from rdcbench.store import Store


@pytest.fixture
def work(tiny_run, only_tiny):
    store = Store(tiny_run)
    job = done_codecs(store, store.plan())[0]
    return building.work_of(store.plan(), job, building.Settings(tiny_run))


def test_symbols_make_the_stream_and_cost_what_the_row_says(work):
    received = receive(work, building.load_codec(work).codec)
    codec, dither = received.codec, received.codec.quantizer.dither(received.context)
    assert codec.entropy_model.encode(received.symbols, dither) == received.stream.payloads[0]
    row = work.settings.store().cell(work.key)
    assert float(received.bits.mean()) == row.values["rate_model"].value
    assert received.images().shape == (48, 1, 4, 4)


def test_another_sender_is_refused(work):
    codec = building.load_codec(work).codec
    codec.seed += 1
    with pytest.raises(StreamError, match="was written by the sender"):
        receive(work, codec)


def test_a_stream_that_is_not_there(work, tmp_path):
    codec = building.load_codec(work).codec
    elsewhere = building.Work(**{**vars(work), "settings": building.Settings(tmp_path)})
    with pytest.raises(StoreError, match="cannot be read"):
        receive(elsewhere, codec)


def test_digests_see_every_symbol_and_the_shape_but_not_the_type():
    symbols = torch.arange(12).reshape(3, 4)
    digest = digest_of_symbols(symbols)
    assert digest == digest_of_symbols(symbols.int())
    changed = symbols.clone()
    changed[2, 3] += 1
    assert digest not in (digest_of_symbols(changed), digest_of_symbols(symbols.reshape(4, 3)))
