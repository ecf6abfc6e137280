"""The space of once-for-all MobileNetV3: kernels, expansions and depths of five stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._ofa_mobilenetv3_network import WIDTHS, Network

KERNELS = (3, 5, 7)
EXPANSIONS = (3, 4, 6)
DEPTHS = (2, 3, 4)
STAGES = len(WIDTHS)

Stage = tuple[tuple[int, int], ...]
"""A pair (kernel, expansion) a block."""


@dataclass(frozen=True)
class Subnet:
    """One network.

    Attributes:
        stages: five, of two to four blocks each: pairs of the depthwise convolution's kernel, in
            pixels, and of the block's channels as a multiple of its input's.

    Raises:
        InvalidArgument: if it is not one of the space.
    """

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        if len(self.stages) != STAGES or not all(
            len(stage) in DEPTHS and all(k in KERNELS and e in EXPANSIONS for k, e in stage)
            for stage in self.stages
        ):
            raise InvalidArgument(
                f"stages={self.stages!r}: pass {STAGES} of {DEPTHS} blocks each, "
                f"(kernel, expansion) of {KERNELS} and {EXPANSIONS}"
            )


class OfaMobileNetV3:
    """Subnets of the once-for-all network of width 1.0, each with its own fresh weights.

    Published accuracies are at 224 x 224 pixels; the networks take any size.

    Args:
        classes: outputs of the classifier.

    References:
        Cai et al., Once-for-All, ICLR 2020, arXiv:1908.09791.
    """

    def __init__(self, classes: int = 1000) -> None:
        if classes < 1:
            raise InvalidArgument(f"classes={classes}: pass a positive number")
        self.classes = classes

    @property
    def name(self) -> str:
        """Identity of the space with its settings."""
        return f"ofa-mobilenetv3-{self.classes}"

    def sample(self, rng: np.random.Generator) -> Subnet:
        """A subnet: each choice uniform, so that shallow and deep stages come equally often."""
        return _assembled(lambda _, choices: _drawn(choices, rng))

    def mutate(self, architecture: Subnet, rng: np.random.Generator) -> Subnet:
        """The subnet with one choice made anew; blocks come and go at the end of their stage."""
        chosen = _answers(architecture)
        name = _drawn(list(chosen), rng)
        changed = _drawn([c for c in _choices(name) if c != chosen[name]], rng)
        answers = {**chosen, name: changed}
        return _assembled(lambda name, choices: answers.get(name) or _drawn(choices, rng))

    def suggest(self, trial: Any) -> Subnet:
        """Categorical ``depth_0``, and ``kernel_0_0`` and ``expansion_0_0`` and so on.

        The first number is the stage's, from 0 to 4, the second the block's in it.
        """
        return _assembled(trial.suggest_categorical)

    def parameters(self, architecture: Subnet) -> dict[str, int]:
        """What a trial must hold for ``suggest`` to give this subnet."""
        return _answers(architecture)

    def encode(self, architecture: Subnet) -> str:
        """Kernel and expansion of each block, ``3x4+5x6|...``: a bar between stages."""
        return "|".join(
            "+".join(f"{kernel}x{expansion}" for kernel, expansion in stage)
            for stage in architecture.stages
        )

    def decode(self, text: str) -> Subnet:
        """The subnet of such a text.

        Raises:
            InvalidArgument: if it is none.
        """
        stages = [[b.split("x") for b in stage.split("+")] for stage in text.split("|")]
        if not all(len(b) == 2 and "".join(b).isdecimal() for stage in stages for b in stage):
            raise InvalidArgument(f"{text!r} is no subnet: pass '3x4+5x6|...' of five stages")
        try:
            subnet = Subnet(tuple(tuple((int(k), int(e)) for k, e in stage) for stage in stages))
        except ValueError as error:
            raise InvalidArgument(f"{text!r} is no subnet: pass '3x4+5x6|...'") from error
        if self.encode(subnet) != text:
            raise InvalidArgument(f"{text!r} is no subnet: pass {self.encode(subnet)!r}")
        return subnet

    def canonical(self, architecture: Subnet) -> Subnet:
        """Itself: no two of them compute the same."""
        return architecture

    def build(self, architecture: Subnet) -> nn.Module:
        """The network for images of three channels, without dropout."""
        return Network(architecture.stages, self.classes)


def _choices(name: str) -> tuple[int, ...]:
    return {"depth": DEPTHS, "kernel": KERNELS, "expansion": EXPANSIONS}[name.partition("_")[0]]


def _assembled(answer: Callable[[str, Sequence[int]], int]) -> Subnet:
    stages = []
    for stage in range(STAGES):
        blocks = range(answer(f"depth_{stage}", DEPTHS))
        stages.append(
            tuple(
                (
                    answer(f"kernel_{stage}_{block}", KERNELS),
                    answer(f"expansion_{stage}_{block}", EXPANSIONS),
                )
                for block in blocks
            )
        )
    return Subnet(tuple(stages))


def _answers(architecture: Subnet) -> dict[str, int]:
    """The subnet as answers, by the names of the questions."""
    answers = {}
    for place, stage in enumerate(architecture.stages):
        answers[f"depth_{place}"] = len(stage)
        for block, (kernel, expansion) in enumerate(stage):
            answers[f"kernel_{place}_{block}"] = kernel
            answers[f"expansion_{place}_{block}"] = expansion
    return answers


def _drawn(choices: Sequence[Any], rng: np.random.Generator) -> Any:
    return choices[int(rng.integers(len(choices)))]
