"""A model space of NNI as a search space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from nni.mutable import (
    Categorical,
    CategoricalMultiple,
    MutableAnnotation,
    Numerical,
    SampleValidationError,
)
from nni.nas.hub.pytorch import NasBench201
from nni.nas.nn.pytorch import ModelSpace
from nni.nas.space import ExecutableModelSpace, RawFormatModelSpace, SimplifiedModelSpace
from torch import nn

from zc_plugins._identity import fingerprint
from zc_plugins._read_json import read_json
from zc_plugins.errors import InvalidArgument, NothingScored

TRIES = 500
"""Draws for one architecture of a constrained space; half of NAS-Bench-101's draws are invalid."""


@dataclass(frozen=True)
class Choices:
    """What is chosen at each label: (label, choice) pairs, sorted by label.

    A choice is written as JSON writes it: a value of the label, a list of values as a tuple; a
    value that JSON cannot hold as its ``fingerprint``.
    """

    pairs: tuple[tuple[str, Any], ...]


class NniSpace:
    """The architectures of an NNI model space, for scorers and for all that reads a space.

    Labels of an evaluator (a learning rate) are no part of an architecture.

    Args:
        model_space: a ``ModelSpace`` of layers of ``nni.nas.nn.pytorch``, one of NNI's hub, or the
            executable space that a strategy is given.

    Raises:
        InvalidArgument: if it is anything else, e.g. a space in NNI's graph format.
    """

    def __init__(self, model_space: ModelSpace | ExecutableModelSpace) -> None:
        self._space = _simplified(model_space)
        self._labels = choosable(self._space)
        self._options = {label: _options(mutable) for label, mutable in self._labels.items()}
        self._name = _name(self._space, self._labels)

    @property
    def executable(self) -> SimplifiedModelSpace:
        """NNI's form of the space, without an evaluator."""
        return self._space

    @property
    def name(self) -> str:
        """Identity of the space: its class, arguments and labels."""
        return self._name

    def sample(self, rng: np.random.Generator) -> Choices:
        """A random architecture, as NNI's random strategy draws it.

        Raises:
            NothingScored: if no draw of ``TRIES`` is valid, with NNI's reason.
        """
        return self.of(drawn(self._space, old_generator(rng)))

    def mutate(self, architecture: Choices, rng: np.random.Generator) -> Choices:
        """The architecture with another choice at one label; itself if there is no valid one."""
        neighbour = mutated(self._space, self.sample_of(architecture), rng)
        return architecture if neighbour is None else self.of(neighbour)

    def build(self, architecture: Choices) -> nn.Module:
        """The network, of plain torch layers, with fresh weights.

        That of NNI's NAS-Bench-201 declares the blocks that AZ-NAS reads there, stem and cells.
        """
        network: nn.Module = self._space.freeze(self.sample_of(architecture)).executable_model()
        if isinstance(network, NasBench201):
            cells = (f"cells.{place}" for place in range(len(network.cells)))
            network.zc_blocks = ("stem", *cells)
        return network

    def suggest(self, trial: Any) -> Choices:
        """One parameter of Optuna a label; a label of several values is one choice among all sets.

        Args:
            trial: of Optuna. Where the space is constrained, its choices may be no architecture,
                which ``build`` then says.
        """
        chosen: dict[str, Any] = {}
        for label, mutable in self._labels.items():
            if isinstance(mutable, Numerical):
                low, high = float(mutable.low), float(mutable.high)
                chosen[label] = trial.suggest_float(label, low, high, log=mutable.log_distributed)
            elif isinstance(mutable, CategoricalMultiple):
                sets = {json.dumps(written(values)): values for values in mutable.grid()}
                text = trial.suggest_categorical(label, list(sets))
                chosen[label] = written(sets[text])
            else:
                chosen[label] = trial.suggest_categorical(label, list(self._options[label]))
        return Choices(tuple(sorted(chosen.items())))

    def parameters(self, architecture: Choices) -> dict[str, Any]:
        """What a trial must hold for ``suggest`` to give this architecture."""
        return {
            label: json.dumps(choice)
            if isinstance(self._labels[label], CategoricalMultiple)
            else choice
            for label, choice in architecture.pairs
        }

    def encode(self, architecture: Choices) -> str:
        """A JSON object of the choices."""
        return json.dumps(dict(architecture.pairs))

    def decode(self, text: str) -> Choices:
        """The architecture of such a text.

        Raises:
            InvalidArgument: if it is none of this space.
        """
        try:
            content = read_json(text)
            chosen = {label: _tupled(choice) for label, choice in content.items()}
            choices = Choices(tuple(sorted(chosen.items())))
            self.sample_of(choices)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidArgument(
                f"{text!r} is no architecture of {self.name} ({error!r}): pass encode's text"
            ) from error
        if chosen.keys() != self._labels.keys():
            raise InvalidArgument(
                f"{text!r} has labels {sorted(chosen)}: pass a choice for each of "
                f"{sorted(self._labels)}"
            )
        return choices

    def canonical(self, architecture: Choices) -> Choices:
        """Itself: which choices make the same network is not known."""
        return architecture

    def of(self, sample: Mapping[str, Any]) -> Choices:
        """The architecture of a sample of NNI, without what is not of this space."""
        own = {label: written(value) for label, value in sample.items() if label in self._labels}
        return Choices(tuple(sorted(own.items())))

    def sample_of(self, architecture: Choices) -> dict[str, Any]:
        """The sample of NNI, with the values that the labels hold.

        Raises:
            KeyError: if a label or value is none of this space.
        """
        return {label: self._value(label, choice) for label, choice in architecture.pairs}

    def _value(self, label: str, choice: Any) -> Any:
        options = self._options[label]
        if isinstance(self._labels[label], Numerical):
            return choice
        if isinstance(self._labels[label], CategoricalMultiple):
            return [options[each] for each in choice]
        return options[choice]


def choosable(space: ExecutableModelSpace) -> dict[str, Any]:
    """The mutables of a space by label, without those that follow from others."""
    mutables: dict[str, Any] = space.simplify()
    return {k: m for k, m in mutables.items() if not isinstance(m, MutableAnnotation)}


def drawn(space: ExecutableModelSpace, state: np.random.RandomState) -> dict[str, Any]:
    """A random sample of a space, evaluator's labels included.

    Raises:
        NothingScored: if no draw of ``TRIES`` is valid, with NNI's reason.
    """
    for _ in range(TRIES):
        sample: dict[str, Any] = {}
        try:
            space.random(memo=sample, random_state=state)
            return sample
        except SampleValidationError as error:
            reason = str(error)
    raise NothingScored(f"none of {TRIES} draws of the model space is valid: {reason}")


def mutated(
    space: ExecutableModelSpace, sample: Mapping[str, Any], rng: np.random.Generator
) -> dict[str, Any] | None:
    """The sample with another value at one label; None if no try of ``TRIES`` is valid."""
    state, mutables = old_generator(rng), choosable(space)
    labels = sorted(mutables)
    for _ in range(TRIES if labels else 0):
        label = labels[int(rng.integers(len(labels)))]
        value = mutables[label].random(random_state=state)
        if value == sample[label]:
            continue
        # What follows from other labels is written into the sample while it is checked.
        neighbour = {**{k: sample[k] for k in labels}, label: value}
        if space.check_contains(neighbour) is None:
            return neighbour
    return None


def old_generator(rng: np.random.Generator) -> np.random.RandomState:
    """NNI draws from numpy's older generators."""
    return np.random.RandomState(int(rng.integers(2**32)))


def _simplified(model_space: ModelSpace | ExecutableModelSpace) -> SimplifiedModelSpace:
    if isinstance(model_space, RawFormatModelSpace):
        model_space = model_space.model_space
    if isinstance(model_space, ModelSpace):
        return SimplifiedModelSpace.from_model(model_space)
    if isinstance(model_space, SimplifiedModelSpace):
        mutables = model_space.mutables or model_space.model.get().simplify()
        return SimplifiedModelSpace(model_space.model, mutables, None)
    raise InvalidArgument(
        f"model_space is {type(model_space).__name__}: pass an nni.nas.nn.pytorch.ModelSpace, or "
        "an executable space of the format 'simplified' or 'raw'"
    )


def _options(mutable: Any) -> dict[Any, Any]:
    """Values of a label by how they are written."""
    if isinstance(mutable, (Categorical, CategoricalMultiple)):
        return {written(value): value for value in mutable.values}
    return {}


def _name(space: SimplifiedModelSpace, labels: Mapping[str, Any]) -> str:
    symbol = space.model.trace_symbol
    # Functions among the arguments by their code: their repr is another in each process.
    arguments = fingerprint((space.model.trace_args, sorted(space.model.trace_kwargs.items())))
    told = f"{arguments}{ {label: _range(mutable) for label, mutable in labels.items()} }"
    digest = hashlib.sha256(told.encode()).hexdigest()[:8]
    return f"nni-{symbol.__module__}.{symbol.__qualname__}-{digest}"


def _range(mutable: Any) -> Any:
    if isinstance(mutable, Numerical):
        return mutable.low, mutable.high, mutable.log_distributed
    return written(getattr(mutable, "values", ())), getattr(mutable, "n_chosen", 1)


def written(value: Any) -> Any:
    """A label's value as JSON holds it; what JSON cannot hold as its ``fingerprint``."""
    if isinstance(value, (list, tuple)):
        return tuple(written(each) for each in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return fingerprint(value)


def _tupled(choice: Any) -> Any:
    return tuple(_tupled(each) for each in choice) if isinstance(choice, list) else choice
