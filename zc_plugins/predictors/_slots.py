"""Layers of different networks laid over each other: one slot for each name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.scores import ScoreTable

FLOOR = 1e-3
"""Share of a proxy's median magnitude below which its numbers are told apart no more."""


@dataclass(frozen=True, eq=False)
class Slots:
    """Where each layer's number goes.

    A layer that only some networks have keeps its place in all of them, empty where it is missing;
    padded at the tail, the fifth number would be of another layer in each network.

    Attributes:
        proxies: whose vectors are read.
        names: of the slots, in the order in which a network has them.
        units: per proxy, what its numbers are divided by before the logarithm.
    """

    proxies: tuple[str, ...]
    names: tuple[str, ...]
    units: tuple[float, ...]

    @staticmethod
    def of(table: ScoreTable, proxies: Sequence[str] | None = None) -> Slots:
        """The slots of a training set.

        Args:
            table: the training set.
            proxies: all of the table that have more than one number a network where None.
        """
        if proxies is None:
            proxies = [p for p, vectors in table.layers.items() if max(map(len, vectors)) > 1]
        known: dict[str, float] = {}
        units = []
        for proxy in proxies:
            # Networks have few different lists of layers.
            for names in dict.fromkeys(_names(table, proxy, row) for row in range(len(table))):
                for place, name in enumerate(names):
                    # Relative depth, of the longest network that has the layer.
                    known.setdefault(name, place / len(names))
            numbers = np.abs(np.concatenate([*table.layers[proxy], np.empty(0)]))
            numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
            units.append(float(np.median(numbers)) * FLOOR if len(numbers) else 1.0)
        return Slots(tuple(proxies), tuple(sorted(known, key=known.__getitem__)), tuple(units))

    @cached_property
    def _slot_of(self) -> dict[str, int]:
        return {name: slot for slot, name in enumerate(self.names)}

    def read(self, table: ScoreTable) -> Float[ndarray, "candidates slots proxies"]:
        """Signed logarithms of the layers' numbers, asinh(number / unit); NaN in an empty slot.

        Layers that the training set did not have are left out.
        """
        columns = [self.column(table, proxy).T for proxy in self.proxies]
        return np.ascontiguousarray(np.stack(columns, axis=2))

    def column(self, table: ScoreTable, proxy: str) -> Float[ndarray, "slots candidates"]:
        """Those of one proxy."""
        numbers = np.full((len(self.names), len(table)), np.nan)
        known: dict[tuple[str, ...], ndarray] = {}
        slots = []
        for row in range(len(table)):
            names = _names(table, proxy, row)
            if names not in known:
                known[names] = np.array([self._slot_of.get(n, -1) for n in names], np.intp)
            slots.append(known[names])
        here = np.concatenate([*slots, np.empty(0, np.intp)])
        rows = np.repeat(np.arange(len(table)), [len(each) for each in slots])
        unit = self.units[self.proxies.index(proxy)]
        found = np.arcsinh(np.concatenate([*table.layers[proxy], np.empty(0)]) / unit)
        kept = (here >= 0) & np.isfinite(found)
        numbers[here[kept], rows[kept]] = found[kept]
        return numbers


def _names(table: ScoreTable, proxy: str, row: int) -> tuple[str, ...]:
    """Of the layers; their numbers where the table does not tell."""
    names = table.layer_names[proxy][row] if proxy in table.layer_names else ()
    count = len(table.layers[proxy][row])
    return names if len(names) == count else tuple(map(str, range(count)))
