"""How well a proxy ranks the networks of several grounds, in a fraction of a millisecond each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Literal

import numpy as np
import torch

from zc_plugins._shapes import Float, Int, ndarray
from zc_plugins.discovery.bank import Bank
from zc_plugins.discovery.expression import Expression, Reduce
from zc_plugins.discovery.ground import Ground
from zc_plugins.errors import InvalidArgument, Unscorable

SIZE = 0.95
"""Kendall's tau with parameters or number of layers from which a proxy is a count in disguise."""

_EXACT = 2**24  # up to which float32 counts, whatever the order of the sum; 5,793 networks' pairs

OverGrounds = Literal["minimum", "mean"]
Fault = Literal["", "undefined", "not finite", "constant", "size only"]


@dataclass(frozen=True)
class Verdict:
    """What one proxy is worth on all grounds.

    Attributes:
        fault: why it is no proxy; empty if it is one. ``undefined``: an operator refuses;
            ``not finite``: a network that has layers has no score; ``constant``: all networks of a
            split have one score; ``size only``: it reads shapes alone, or ranks the networks of
            every ground as their parameters or their number of layers do.
        tau: the least of all splits of the training networks, over all grounds the least or the
            mean; NaN with a fault.
    """

    fault: Fault
    tau: float = float("nan")


class Fitness:
    """Judges proxies on the training and the held-out networks of grounds.

    Each split leaves out one part of a ground's training networks, so that a proxy that owes its
    tau to a few of them loses it.

    Args:
        grounds: one or more.
        splits: of each; 1 takes all training networks at once.
        seed: of the splits.
        over_grounds: the minimum, as in EZNAS, is ruled by the ground that is hardest to rank; the
            mean lets others make up for it.

    Raises:
        InvalidArgument: without grounds, or if a split would be smaller than 4 networks.
    """

    def __init__(
        self,
        grounds: Sequence[Ground],
        *,
        splits: int = 4,
        seed: int = 0,
        over_grounds: OverGrounds = "minimum",
    ) -> None:
        fewest = min((len(ground.training) for ground in grounds), default=0)
        if not grounds or splits < 1 or fewest < 4 * splits:
            raise InvalidArgument(
                f"splits={splits} of {len(grounds)} grounds, the smallest of {fewest} training "
                "networks: pass a ground or more, of 4 training networks a split"
            )
        self._training = [
            _Side(g.bank.rows(g.training), g.accuracy[g.training], g.params[g.training])
            for g in grounds
        ]
        self._held_out = [
            _Side(g.bank.rows(g.held_out), g.accuracy[g.held_out], g.params[g.held_out])
            for g in grounds
        ]
        self._over_grounds = over_grounds
        rng = np.random.default_rng(seed)
        self._splits = [_masks(rng.permutation(len(g.training)) % splits) for g in grounds]

    def __call__(self, expression: Expression, reduce: Reduce) -> Verdict:
        """The verdict on the expression under a reduction over layers."""
        if expression.size_only:
            return Verdict("size only")
        taus, sizes = list[float](), list[float]()
        for side, masks in zip(self._training, self._splits, strict=True):
            with np.errstate(all="ignore"):
                try:
                    scores = side.bank.scores(expression, reduce=reduce)
                except Unscorable:
                    return Verdict("undefined")
            if np.isnan(scores[side.scorable]).any():
                return Verdict("not finite")
            order = side.pairs(scores)
            taus.append(float(_taus(order, side.order, masks).min()))
            sizes.append(max(float(_taus(order, size)[0]) for size in side.sizes))
        if np.isnan(taus).any():
            return Verdict("constant")
        if min(sizes) > SIZE:
            return Verdict("size only")
        return Verdict("", min(taus) if self._over_grounds == "minimum" else fmean(taus))

    def held_out(self, expression: Expression, reduce: Reduce) -> list[float]:
        """Kendall's tau on each ground's held-out networks; a network without a score is last."""
        with np.errstate(all="ignore"):
            scores = [side.bank.scores(expression, reduce=reduce) for side in self._held_out]
        return [
            float(np.nan_to_num(_taus(side.pairs(found), side.order)[0]))
            for side, found in zip(self._held_out, scores, strict=True)
        ]

    @cached_property
    def params_held_out(self) -> list[float]:
        """Kendall's tau of the number of parameters on each ground's held-out networks."""
        sides = self._held_out
        return [float(np.nan_to_num(_taus(side.sizes[0], side.order)[0])) for side in sides]


class _Side:
    """Some networks of a ground, and how their pairs are ordered."""

    def __init__(
        self, bank: Bank, accuracy: Float[ndarray, " networks"], params: Float[ndarray, " networks"]
    ) -> None:
        self.bank = bank
        layers = np.diff(bank.starts)
        # Dead networks have no layers here; that they have no score is their own fault.
        self.scorable = layers > 0
        self._first, self._second = np.triu_indices(len(layers), 1)
        self.order = self.pairs(accuracy)
        self.sizes = [self.pairs(params), self.pairs(layers.astype(np.float64))]

    def pairs(self, values: Float[ndarray, " networks"]) -> Int[ndarray, " pairs"]:
        """Of each pair of networks 1, 0 or -1: whose value is higher; NaN is below all."""
        values = np.where(np.isnan(values), -np.inf, values)
        first, second = values[self._first], values[self._second]
        order: ndarray = (first > second).astype(np.int8) - (first < second).astype(np.int8)
        return order


def _masks(part: Int[ndarray, " networks"]) -> Float[ndarray, "splits pairs"]:
    """Which pairs each split holds: those of which neither network is in the part left out."""
    first, second = np.triu_indices(len(part), 1)
    parts = range(part.max() + 1)
    if len(parts) == 1:
        return np.ones((1, len(first)), np.float32)
    return np.stack([(part[first] != p) & (part[second] != p) for p in parts]).astype(np.float32)


def _taus(
    found: Int[ndarray, " pairs"],
    wanted: Int[ndarray, " pairs"],
    masks: Float[ndarray, "splits pairs"] | None = None,
) -> Float[ndarray, " splits"]:
    """Kendall's tau-b of two orders of the same pairs; NaN where all pairs of one are ties."""
    kept = np.ones((1, len(found)), np.float32) if masks is None else masks
    totals = np.zeros((len(kept), 3))
    for start in range(0, len(found), _EXACT):
        block = slice(start, start + _EXACT)
        one, other = found[block], wanted[block]
        counts = np.stack([one * other, one != 0, other != 0], axis=1).astype(np.float32)
        totals += kept[:, block] @ counts
    agreeing, mine, theirs = totals.T
    with np.errstate(all="ignore"):
        taus: ndarray = agreeing / np.sqrt(mine * theirs)
    return taus


_worker: dict[str, Fitness] = {}


def start(grounds: Sequence[Ground], splits: int, seed: int, over_grounds: OverGrounds) -> None:
    """Make a process ready for ``judged``; banks on disk are mapped anew, not sent."""
    torch.set_num_threads(1)
    _worker["fitness"] = Fitness(grounds, splits=splits, seed=seed, over_grounds=over_grounds)


def judged(candidate: tuple[Expression, Reduce]) -> Verdict:
    """The verdict of the process's fitness."""
    return _worker["fitness"](*candidate)
