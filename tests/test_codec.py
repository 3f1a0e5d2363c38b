from __future__ import annotations

import math

import pytest
import tiny_plugin as tiny
import torch

from rdcbench import codec as codecs
from rdcbench.codec import fingerprint, freeze, parameter_count, sender_fingerprint, state_bytes
from rdcbench.errors import PartError, StreamError
from rdcbench.interfaces import Fitted
from rdcbench.records import Context
from rdcbench.rng import generator


@pytest.fixture
def x(train_split):
    return train_split.batch(torch.arange(len(train_split))).x


def whole(codec, split="train", count=96):
    return Context(codec.seed, split, torch.arange(count))


def symbols_of(codec, x, context):
    (payload,) = codec.compress(x, context).payloads
    return codec.entropy_model.decode(payload, codec.quantizer.dither(context))


def test_what_comes_back_from_bytes_is_what_forward_gives(codec, x):
    context = whole(codec)
    packet = codec.compress(x, context)
    assert torch.equal(codec.decompress(packet.payloads, context), codec(x, context))


def test_the_decoder_receives_the_latent_with_an_error_of_half_a_step_at_most(codec, x):
    received = codec.receive(codec.encoder(x), whole(codec))
    assert float((received - codec.encoder(x)).abs().max()) <= codec.quantizer.step / 2 + 1e-6


@pytest.mark.parametrize("size", [1, 7, 50])
def test_symbols_are_the_same_for_any_batch_size(codec, x, size):
    expected = symbols_of(codec, x, whole(codec))
    pieces = [symbols_of(codec, x[i], Context(codec.seed, "train", i)) for i in torch.arange(96).split(size)]
    assert torch.equal(torch.cat(pieces), expected)


def test_symbols_follow_the_image_and_not_its_place(codec, x):
    expected = symbols_of(codec, x, whole(codec))
    order = torch.randperm(96, generator=generator("order"))
    assert torch.equal(symbols_of(codec, x[order], Context(codec.seed, "train", order)), expected[order])


def test_large_splits_go_through_in_pieces(codec, x, train_split, monkeypatch):
    context = whole(codec)
    packet, latents = codec.compress(x, context), codec.latents(train_split)
    x_hat = codec.decompress(packet.payloads, context)
    seen = []
    codec.decoder.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[1].index)))
    monkeypatch.setattr(codecs, "INFERENCE_BATCH", 40)
    monkeypatch.setattr(codecs, "DECODING_BATCH", 40)
    assert codec.compress(x, context).payloads == packet.payloads
    assert torch.allclose(codec.decompress(packet.payloads, context), x_hat, atol=1e-6)
    assert torch.allclose(codec.latents(train_split), latents, atol=1e-6)
    assert seen == [40, 40, 16]


def test_the_decoder_is_told_the_tradeoff(codec, x, monkeypatch):
    seen = []
    monkeypatch.setattr(
        codec.decoder, "forward", lambda received, context: seen.append(context.tradeoff) or torch.zeros(len(received))
    )
    context = Context(codec.seed, "train", torch.arange(96), tradeoff={"dial": 0.5})
    codec.decompress(codec.compress(x, context).payloads, context)
    assert seen == [{"dial": 0.5}]


@pytest.mark.parametrize("other", [{"seed": 8}, {"split": "test"}, {"draw": 1}])
def test_another_key_is_another_dither(codec, other):
    context = whole(codec)
    changed = Context(**{"seed": codec.seed, "split": "train", "index": context.index, **other})
    same = (codec.quantizer.dither(context) == codec.quantizer.dither(changed)).double().mean()
    assert 0.05 < same < 0.25  # one of eight points


def test_a_receiver_without_the_key_cannot_read(codec, x):
    packet = codec.compress(x, whole(codec))
    with pytest.raises(StreamError):
        codec.decompress(packet.payloads, Context(codec.seed + 1, "train", torch.arange(96)))


def test_a_stream_of_several_payloads_is_refused(codec):
    with pytest.raises(StreamError, match="writes one payload; the stream has 2"):
        codec.decompress((b"a", b"b"), whole(codec))


def test_the_bits_of_a_packet_are_those_of_its_bytes(codec, x):
    packet = codec.compress(x, whole(codec))
    assert packet.bits.shape == (96,)
    assert packet.bits.dtype == torch.float64
    coded = 8 * sum(map(len, packet.payloads))
    assert float(packet.bits.sum()) <= coded + 1e-6 <= float(packet.bits.sum()) + 8 * (1 + packet.flush_bytes)


@pytest.mark.parametrize(("dimensions", "levels"), [(3, 3), (2, 3), (4, 4)])
def test_the_rate_bound_is_d_log2_l(make_codec, dimensions, levels):
    assert make_codec(dimensions=dimensions, levels=levels).rate_bound == pytest.approx(dimensions * math.log2(levels))


def test_compressing_leaves_no_trace(codec, x):
    before = fingerprint([codec])
    context = whole(codec)
    codec.decompress(codec.compress(x, context).payloads, context)
    assert fingerprint([codec]) == before
    assert not codec.training


def test_compressing_uses_evaluation_mode_even_of_a_codec_in_training(codec, x):
    context, before = whole(codec), fingerprint([codec])
    expected = codec.compress(x, context)
    codec.train()
    packet = codec.compress(x, context)
    assert packet.payloads == expected.payloads
    codec.decompress(packet.payloads, context)
    assert fingerprint([codec]) == before


def test_latents_are_taken_in_evaluation_mode_and_the_mode_is_put_back(make_codec, train_split):
    codec = make_codec()
    codec.train()
    before = fingerprint([codec.encoder])
    latents = codec.latents(train_split)
    assert codec.encoder.training
    assert not latents.requires_grad
    assert fingerprint([codec.encoder]) == before
    assert torch.equal(codec.latents(train_split, torch.tensor([5, 2])), codec.latents(train_split)[[5, 2]])


def test_gradients_reach_the_encoder(make_codec, x):
    codec = make_codec()
    codec(x, whole(codec)).mean().backward()
    assert all(
        parameter.grad is not None and parameter.grad.any() for parameter in codec.encoder.layers[-1].parameters()
    )


# ----------------------------------------------------------------------------------------------- freezing, fingerprints


def test_a_frozen_part_keeps_parameters_and_buffers_while_others_train(make_codec, x):
    codec = make_codec()
    codec.train()
    freeze(codec.encoder)
    before, decoder = fingerprint([codec.encoder]), fingerprint([codec.decoder])
    optimizer = torch.optim.SGD([p for p in codec.parameters() if p.requires_grad], 0.1, weight_decay=0.1)
    for draw in range(3):
        loss = codec(x, Context(0, "train", torch.arange(96), draw)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert fingerprint([codec.encoder]) == before
    assert fingerprint([codec.decoder]) != decoder


def test_without_evaluation_mode_batch_statistics_drift(make_codec, x):
    codec = make_codec()
    for parameter in codec.encoder.parameters():
        parameter.requires_grad_(False)
    codec.encoder.train()
    before = fingerprint([codec.encoder])
    codec(x, whole(codec))
    assert fingerprint([codec.encoder]) != before


CHANGES = {
    "a parameter": lambda codec: codec.encoder.layers[1].weight.data[0, 0].add_(1e-6),
    "a buffer": lambda codec: codec.encoder.layers[2].running_mean[0].add_(1e-6),
    "a counter": lambda codec: codec.encoder.layers[2].num_batches_tracked.add_(1),
    "a table": lambda codec: codec.entropy_model.counts[0, 0, 0].add_(1),
    "the key": lambda codec: setattr(codec, "seed", codec.seed + 1),
    "the type of a number": lambda codec: codec.encoder.double(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_senders_fingerprint_covers(change, codec):
    before = sender_fingerprint(codec)
    CHANGES[change](codec)
    assert sender_fingerprint(codec) != before


def test_the_senders_fingerprint_does_not_cover_the_decoder(codec):
    before = sender_fingerprint(codec)
    codec.decoder.layers[0].weight.data.add_(1)
    assert sender_fingerprint(codec) == before
    assert len(before) == 16


def test_fingerprints_tell_shapes_names_and_order_apart():
    flat, tall = torch.nn.Module(), torch.nn.Module()
    flat.register_buffer("a", torch.zeros(4))
    tall.register_buffer("a", torch.zeros(2, 2))
    other = torch.nn.Module()
    other.register_buffer("b", torch.zeros(4))
    assert len({fingerprint([flat]), fingerprint([tall]), fingerprint([other]), fingerprint([flat], "x")}) == 4
    assert fingerprint([flat, tall]) != fingerprint([tall, flat])
    assert fingerprint([flat]) == fingerprint([flat])


def test_two_codecs_of_one_seed_have_one_fingerprint(make_codec):
    assert sender_fingerprint(make_codec()) == sender_fingerprint(make_codec())
    assert sender_fingerprint(make_codec()) != sender_fingerprint(make_codec(weights=1))


def test_sizes_are_counted():
    layer = torch.nn.BatchNorm1d(5)
    assert parameter_count(layer) == 10
    assert state_bytes(layer) == 4 * 20 + 8


def test_sender_and_receiver(codec):
    assert codec.sender() == (codec.encoder, codec.quantizer, codec.entropy_model)
    assert codec.receiver() == (codec.decoder, codec.quantizer, codec.entropy_model)


# --------------------------------------------------------------------------------------------------------- parts to fit


class MeanDecoder(tiny.NetDecoder, Fitted):
    name = "mean-decoder"

    def fit(self, train, received, generator):
        self.seen = (len(train), received(torch.tensor([3, 1])), generator)


def test_fitting_reaches_fitted_parts_and_tables_only(make_codec, train_split):
    codec = make_codec()
    codec.decoder = MeanDecoder(tiny.SHAPE, 3)
    encoder = fingerprint([codec.encoder])
    random = generator("fit")
    codec.fit(train_split, random)
    assert fingerprint([codec.encoder]) == encoder
    assert int(codec.entropy_model.counts.sum()) == 3 * 8 * (96 + 3)
    count, received, used = codec.decoder.seen
    assert (count, used) == (96, random)
    expected = codec.receive(codec.latents(train_split), codec.context(torch.arange(96), "train"))
    assert torch.allclose(received, expected[[3, 1]], atol=1e-6)
    assert not received.requires_grad


# ----------------------------------------------------------------------------------------------------------- the alphabet


@pytest.mark.parametrize("symbol", [-1, 3])
def test_a_symbol_outside_the_declared_alphabet_is_refused_when_fitted_and_when_sent(
    make_codec, train_split, x, monkeypatch, symbol
):
    codec = make_codec()
    monkeypatch.setattr(codec.quantizer, "quantize", lambda latent, dither: torch.full((len(latent), 3), symbol))
    sentence = rf"The quantizer 'tiny-quantizer' gave the symbol {symbol} where its alphabet has 3 symbols"
    with pytest.raises(PartError, match=sentence):
        codec.fit(train_split, generator("fit"))
    with pytest.raises(PartError, match=sentence):
        codec.compress(x, whole(codec))


def test_symbols_of_another_shape_than_the_alphabet_are_refused(make_codec, train_split, monkeypatch):
    codec = make_codec()
    monkeypatch.setattr(codec.quantizer, "quantize", lambda latent, dither: torch.zeros(len(latent), 2).long())
    with pytest.raises(PartError, match=r"symbols of shape \[2\] for an image, its alphabet has the shape \[3\]"):
        codec.fit(train_split, generator("fit"))


@pytest.mark.parametrize("rows", [(4, 3), (4, 5)])
def test_batches_that_are_not_as_many_as_the_images_are_refused(rows):
    assert torch.equal(codecs.joined((torch.ones(count, 2) for count in (4, 4)), 8), torch.ones(8, 2))
    with pytest.raises(PartError, match=f"{sum(rows)} rows for 8 images"):
        codecs.joined((torch.ones(count, 2) for count in rows), 8)
