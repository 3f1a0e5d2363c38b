"""One training step of the harness against a plain PyTorch loop over the same networks, in the same run.

    pytest benchmarks/speed --benchmark-only

The plain loop is what a careful researcher writes: autograd for the gradient penalty, Adam over a list of parameters,
three passes of the critic, images as a float tensor in memory. One thread each.
"""

import pytest
import torch
from torch.nn import functional as F

import rdcbench
from rdcbench import building, train
from rdcbench.benchmarks import find_recipe
from rdcbench.loading import load_recipe
from rdcbench.plan import active_terms, make_plan
from rdcbench.registry import load

STEPS = {"default": 40, "paper": 6}
POINTS = {"rdp": {"perception": 0.015}, "rdc": {"classification": 0.015}}


def _task(preset: str, study: str) -> train.Task:
    torch.set_num_threads(1)
    registry = load()
    recipe = load_recipe(find_recipe("mnist-universal"), preset, [(["only"], [study])])
    plan = make_plan(recipe.model_copy(update={"metrics": [], "judges": []}), 1, registry)
    job = next(job for job in plan.jobs if job.tradeoff == POINTS[study])
    dataset = registry.build("dataset", "mnist", {})
    rng = torch.Generator().manual_seed(0)
    images = (torch.rand(2048, 1, 28, 28, generator=rng) * 255).byte()
    split = rdcbench.Split("train", images, {"digit": torch.randint(0, 10, (2048,), generator=rng)})
    classifier = building.build_stage(plan.job("classifier"), dataset, registry)
    built = building.build_codec(job, dataset, registry, classifier)
    return train.Task(
        codec=built.codec,
        objective=registry.build("objective", "weighted", {}),
        train=split,
        training=job.training.model_copy(update={"steps": STEPS[preset]}),
        trains=("encoder", "decoder", *(("critic",) if built.critic else ())),
        terms=active_terms(job, registry),
        tradeoffs=[job.tradeoff],
        seed=0,
        critic=built.critic,
        classifier=classifier,
    )


def _plain_loop(task: train.Task) -> None:
    """The same networks and updates, written as one would without the harness."""
    codec, critic, training = task.codec, task.critic, task.training
    codec.train()
    weight = task.tradeoffs[0]
    images = task.train.images.float() / 255
    parameters = [*codec.encoder.parameters(), *codec.decoder.parameters()]
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(parameters, training.learning_rate, training.betas)
    critic_optimizer = torch.optim.Adam(critic.parameters(), 1e-4, (0.5, 0.9)) if critic else None
    for _ in range(training.steps):
        if critic and training.critic_batches == "alternate":
            x, x_hat, _ = _plain_forward(task, images)
            _plain_critic_step(critic, critic_optimizer, x, x_hat.detach())
        x, x_hat, labels = _plain_forward(task, images)
        if critic and training.critic_batches == "same":
            _plain_critic_step(critic, critic_optimizer, x, x_hat.detach())
        loss = F.mse_loss(x_hat, x)
        if critic:
            loss = loss - weight["perception"] * critic(x_hat).mean()
        else:
            loss = loss + weight["classification"] * F.cross_entropy(_plain_classifier(task.classifier, x_hat), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _plain_forward(task: train.Task, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    codec = task.codec
    index = torch.randint(len(images), (task.training.batch,))
    x = images[index]
    levels = codec.quantizer.alphabet[0].item()
    step = 2 / (levels - 1)
    latent = codec.encoder(x)
    dither = (torch.rand_like(latent) - 0.5) * step
    centres = torch.linspace(-1, 1, levels)
    distance = (latent + dither).unsqueeze(-1) - centres
    soft = (torch.softmax(-distance.abs(), -1) * centres).sum(-1)
    hard = centres[distance.abs().argmin(-1)]
    received = soft + (hard - soft).detach() - dither
    return x, codec.decoder(received, rdcbench.Context(0, "train", index)), task.train.labels["digit"][index]


def _plain_critic_step(
    critic: torch.nn.Module, optimizer: torch.optim.Optimizer, real: torch.Tensor, fake: torch.Tensor
) -> None:
    mixed = torch.lerp(fake, real, torch.rand(len(real), 1, 1, 1)).requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _plain_classifier(classifier: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    maps = F.max_pool2d(F.relu(classifier.first(x)), 2)
    maps = F.max_pool2d(F.relu(classifier.second(maps)), 2)
    logits: torch.Tensor = classifier.heads["digit"](F.relu(classifier.hidden(maps.flatten(1))))
    return logits


@pytest.mark.parametrize("study", ["rdp", "rdc"])
@pytest.mark.parametrize("preset", ["default", "paper"])
@pytest.mark.parametrize("loop", ["harness", "plain"])
def test_training_step(benchmark, preset, study, loop):
    task = _task(preset, study)
    run = train.fit if loop == "harness" else _plain_loop
    benchmark.extra_info["steps"] = STEPS[preset]
    benchmark.pedantic(run, args=(task,), rounds=3, warmup_rounds=1)
