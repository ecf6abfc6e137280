"""What every search space must keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zc_plugins._seeding import seeded
from zc_plugins.costs.flops import flops
from zc_plugins.costs.params import params
from zc_plugins.probes._blocks import first_tensor
from zc_plugins.spaces import Priced, SearchSpace, Suggestible
from zc_plugins.spaces.module import Proposal


def check_space(
    space: SearchSpace[Any], *, input_shape: tuple[int, ...], samples: int = 5, seed: int = 0
) -> None:
    """Check a search space on random architectures and their neighbours.

    Same generator, same sample; text and back is the identity; mutation differs and stays inside;
    the canonical form is its own; equal seeds build equal weights; every network runs; an Optuna
    trial's suggestions are an architecture. What a ``Priced`` space tells is what torch counts. A
    trial that holds the parameters that a ``Suggestible`` one tells suggests the same architecture,
    and asks for no others.

    Args:
        space: with two architectures or more.
        input_shape: of one sample, without the batch axis.
        samples: architectures to look at.
        seed: of the first of them.

    Raises:
        AssertionError: with what is wrong.
    """
    assert isinstance(space.name, str), f"name {space.name!r} is no string"
    assert space.name, "the name is empty"
    for sample in range(seed, seed + samples):
        architecture = _drawn(space, sample)
        neighbour = _mutated(space, architecture, sample)
        suggested = space.suggest(Proposal({}, np.random.default_rng(sample)))
        for candidate in (architecture, neighbour, suggested):
            _check_architecture(space, candidate)
        for candidate in (architecture, neighbour):
            _check_network(space, candidate, input_shape, sample)


def _drawn(space: SearchSpace[Any], seed: int) -> Any:
    # Other global seeds: a space that reads them gives itself away.
    with seeded(seed + 1000):
        first = space.sample(np.random.default_rng(seed))
    with seeded(seed + 2000):
        second = space.sample(np.random.default_rng(seed))
    assert first == second, f"one seed, two samples: {first} and {second}"
    return first


def _mutated(space: SearchSpace[Any], architecture: Any, seed: int) -> Any:
    text = space.encode(architecture)
    with seeded(seed + 1000):
        neighbour = space.mutate(architecture, np.random.default_rng(seed))
    with seeded(seed + 2000):
        again = space.mutate(architecture, np.random.default_rng(seed))
    assert neighbour == again, f"one seed, two mutations: {neighbour} and {again}"
    assert neighbour != architecture, f"mutation returned the architecture itself: {text}"
    assert space.encode(architecture) == text, f"mutation changed the architecture {text}"
    return neighbour


def _check_architecture(space: SearchSpace[Any], architecture: Any) -> None:
    hash(architecture)
    text = space.encode(architecture)
    assert isinstance(text, str), f"encode gave {type(text).__name__}, not text"
    decoded = space.decode(text)
    assert decoded == architecture, f"{architecture} became {decoded} by way of {text!r}"
    canonical = space.canonical(architecture)
    again = space.canonical(canonical)
    assert again == canonical, f"the canonical form {canonical} has another one: {again}"
    if isinstance(space, Suggestible):
        _check_parameters(space, architecture)


def _check_parameters(space: Suggestible[Any], architecture: Any) -> None:
    parameters = space.parameters(architecture)
    # What is missing, or out of range, is drawn anew.
    trial = Proposal(parameters, np.random.default_rng(0))
    suggested = space.suggest(trial)
    assert trial.params == parameters, (
        f"the parameters {parameters} of {architecture} became {trial.params} in a trial"
    )
    assert suggested == architecture, (
        f"{architecture} became {suggested} by way of its parameters {parameters}"
    )


def _check_network(
    space: SearchSpace[Any], architecture: Any, input_shape: tuple[int, ...], seed: int
) -> None:
    text = space.encode(architecture)
    first, second = _weights(space, architecture, seed), _weights(space, architecture, seed)
    assert first.keys() == second.keys(), f"{text} was built twice and differs in its layers"
    for name, weight in first.items():
        assert torch.equal(weight, second[name]), (
            f"{text} was built twice under one torch seed and differs in {name}"
        )
    for candidate in (architecture, space.canonical(architecture)):
        with seeded(seed), torch.no_grad():
            network = space.build(candidate)
            assert isinstance(network, nn.Module), f"{text} built {type(network).__name__}"
            output = first_tensor(network(torch.randn(2, *input_shape)))
        assert output is not None, f"the network of {text} returned no tensor"
        if isinstance(space, Priced):
            told = (space.params(candidate), space.flops(candidate, input_shape))
            real = (params(network), flops(network, input_shape))
            assert told == real, f"params and flops of {text} are told as {told}, and are {real}"


def _weights(space: SearchSpace[Any], architecture: Any, seed: int) -> dict[str, Tensor]:
    with seeded(seed):
        return dict(space.build(architecture).state_dict())
