"""Random expressions that are well formed, and evidence for them."""

from __future__ import annotations

import random
from typing import get_args

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from zc_plugins.discovery import Expression
from zc_plugins.discovery.operators import OPERATORS, Kind
from zc_plugins.discovery.terminals import TERMINALS

KINDS: tuple[Kind, ...] = get_args(Kind)


def _signatures() -> dict[Kind, list[tuple[str, tuple[Kind, ...]]]]:
    """For each kind the operators that give it, with the kinds that they take."""
    found: dict[Kind, list[tuple[str, tuple[Kind, ...]]]] = {kind: [] for kind in KINDS}
    for name, operator in OPERATORS.items():
        for one in KINDS:
            for two in KINDS if operator.arity == 2 else (None,):
                taken = (one,) if two is None else (one, two)
                try:
                    found[operator.kind(*taken)].append((name, taken))
                except ValueError:
                    continue
    return found


SIGNATURES = _signatures()
LEAVES: dict[Kind, list[str]] = {
    kind: [name for name, k in TERMINALS.items() if k == kind] for kind in KINDS
}
SHORTEST = {"feature": 0, "weight": 0, "feature matrices": 1, "weight matrices": 1, "number": 1}


def grown(rng: random.Random, kind: Kind, depth: int) -> Expression:
    """An expression of a kind, at most ``depth`` deep, or as deep as its kind asks."""
    if LEAVES[kind] and (depth <= 0 or rng.random() < 0.15):
        return Expression(rng.choice(LEAVES[kind]))
    fitting = [s for s in SIGNATURES[kind] if max(SHORTEST[k] for k in s[1]) < max(depth, 1)]
    name, taken = rng.choice(fitting)
    arguments = [grown(rng, k, depth - 1) for k in taken]
    if len(set(taken)) < len(taken) and rng.random() < 0.2:
        arguments = arguments[:1] * 2
    return Expression(name, tuple(arguments))


def expressions(kind: Kind | None = None, depth: int = 5) -> st.SearchStrategy[Expression]:
    """Expressions of a kind, of any if None; the draws of hypothesis itself take seconds."""

    def build(seed: int, of: Kind, levels: int) -> Expression:
        return grown(random.Random(seed), of, levels)

    kinds = st.sampled_from(KINDS) if kind is None else st.just(kind)
    return st.builds(build, st.integers(0, 2**32), kinds, st.integers(0, depth))


def evidence(seed: int, *, wild: bool = False) -> dict[str, Tensor]:
    """A tensor a terminal in float64, of shape (2, 3, 3, 3) or (4, 3, 3, 3).

    Args:
        seed: of the entries.
        wild: with zeros of both signs, equal entries, and entries that overflow when squared.
    """
    rng = np.random.default_rng(seed)
    held = {}
    for name, kind in TERMINALS.items():
        values = rng.normal(size=(2 if kind == "feature" else 4, 3, 3, 3))
        if wild:
            odd = rng.choice([0.0, -0.0, 1.0, 1e200, -1e200], size=values.shape)
            values = np.where(rng.random(values.shape) < 0.4, odd, values)
        held[name] = torch.from_numpy(values)
    return held
