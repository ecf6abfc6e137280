"""Networks of known accuracy and their statistics: what a proxy is evolved on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, Int, ndarray
from zc_plugins.discovery.bank import Bank
from zc_plugins.errors import InvalidArgument

FEWEST = 8
"""Networks below which a rank correlation says nothing."""


@dataclass(frozen=True, eq=False)
class Ground:
    """One space's networks, some to evolve on and others to judge what was evolved.

    Attributes:
        bank: statistics of all of them; one that ``save`` or ``gather`` has put on disk is opened
            by every process of its own.
        accuracy: shape (networks,), after training; higher is better.
        params: shape (networks,), their parameters: what a proxy has to beat.
        training: places of the networks that fitness sees.
        held_out: places of others, by which the best is chosen.

    Raises:
        InvalidArgument: if the shapes differ, accuracies are missing, a place stands in both, or
            there are fewer than 8 networks in either.
    """

    bank: Bank
    accuracy: Float[ndarray, " networks"]
    params: Float[ndarray, " networks"]
    training: Int[ndarray, " training"]
    held_out: Int[ndarray, " held_out"]

    def __post_init__(self) -> None:
        networks = len(self.bank.networks)
        for name in ("accuracy", "params"):
            values = np.asarray(getattr(self, name), np.float64)
            if values.shape != (networks,) or not np.isfinite(values).all():
                raise InvalidArgument(
                    f"{name} of shape {values.shape} for {networks} networks, or not finite: pass "
                    "one finite number a network"
                )
            object.__setattr__(self, name, values)
        for name in ("training", "held_out"):
            places = np.asarray(getattr(self, name), np.int64)
            if len(places) < FEWEST or places.min() < 0 or places.max() >= networks:
                raise InvalidArgument(
                    f"{name} holds {len(places)} places of {networks} networks: pass {FEWEST} or "
                    "more, from 0 on"
                )
            object.__setattr__(self, name, places)
        both = np.intersect1d(self.training, self.held_out)
        if len(both):
            raise InvalidArgument(f"network {both[0]} is both in training and held_out: pass one")


def split(
    bank: Bank,
    accuracy: Float[ndarray, " networks"],
    params: Float[ndarray, " networks"],
    *,
    training: int,
    held_out: int | None = None,
    seed: int = 0,
) -> Ground:
    """A ground of networks drawn at random.

    Architectures that compute the same are not told apart here: hand in each once.

    Args:
        bank: statistics.
        accuracy: shape (networks,).
        params: shape (networks,).
        training: how many to evolve on.
        held_out: how many others to choose by; all that are left if None.
        seed: of the draw.

    Raises:
        InvalidArgument: if there are too few, or a number is negative.
    """
    if training < 0 or (held_out is not None and held_out < 0):
        raise InvalidArgument(
            f"training={training}, held_out={held_out}: pass {FEWEST} or more, or held_out=None"
        )
    order = np.random.default_rng(seed).permutation(len(bank.networks))
    end = len(order) if held_out is None else training + held_out
    return Ground(bank, accuracy, params, order[:training], order[training:end])
