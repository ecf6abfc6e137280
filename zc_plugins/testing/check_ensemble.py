"""What every ensemble of ranks must keep."""

from __future__ import annotations

import numpy as np

from zc_plugins._shapes import ndarray
from zc_plugins.ensembles import Ensemble
from zc_plugins.errors import EmptyTable
from zc_plugins.scores import ScoreTable

_BETTER = (True, False, True)


def check_ensemble(ensemble: Ensemble, *, seed: int = 0) -> None:
    """Check an ensemble that reads ranks, with and without a reference.

    Candidates permuted, numbers permuted; unmoved by a strictly monotone map of one proxy; ties
    share; whoever is best under every proxy comes first; a row with a NaN is -inf; an empty table
    raises ``EmptyTable``; with a reference a candidate's number does not depend on the other rows.

    Args:
        ensemble: ``(table, reference=None)`` to one number a candidate.
        seed: of the random tables.

    Raises:
        AssertionError: with what is wrong.
    """
    rng = np.random.default_rng(seed)
    table, population = _table(rng.normal(size=(12, 3))), _table(rng.normal(size=(40, 3)))
    for reference in (None, population):
        _check_numbers(ensemble, table, reference, rng)
        _check_monotone(ensemble, table, reference)
        _check_unscored(ensemble, table, reference)
        _check_empty(ensemble, reference)
    together = ensemble(table, population)
    for place in range(len(table)):
        alone = ensemble(table.rows([place]), population)
        _assert_equal(
            alone, together[[place]], "with a reference a number depends on the other candidates"
        )
    shuffled = population.rows([int(i) for i in rng.permutation(len(population))])
    _assert_equal(ensemble(table, shuffled), together, "the order of the reference matters")


def _table(values: ndarray) -> ScoreTable:
    return ScoreTable([f"candidate {i}" for i in range(len(values))], values, "abc", _BETTER)


def _check_numbers(
    ensemble: Ensemble, table: ScoreTable, reference: ScoreTable | None, rng: np.random.Generator
) -> None:
    numbers = ensemble(table, reference)
    assert isinstance(numbers, np.ndarray), f"an array is wanted, got {type(numbers).__name__}"
    assert numbers.shape == (12,), f"12 candidates, numbers of shape {numbers.shape}"
    assert not np.isnan(numbers).any(), f"NaN among the numbers {numbers}"
    order = rng.permutation(12)
    permuted = ensemble(table.rows([int(i) for i in order]), reference)
    _assert_equal(permuted, numbers[order], "the order of the candidates matters")
    tied = table.values.copy()
    tied[7] = tied[2]
    shared = ensemble(_table(tied), reference)
    assert shared[7] == shared[2], f"equal candidates get {shared[2]} and {shared[7]}"
    best = table.values.copy()
    best[5] = np.where(_BETTER, best.max(0), best.min(0)) + np.where(_BETTER, 1.0, -1.0)
    first = ensemble(_table(best), reference)
    assert (np.delete(first, 5) <= first[5]).all(), (
        f"the candidate that is best under every proxy gets {first[5]}, another {first.max()}"
    )


def _check_monotone(ensemble: Ensemble, table: ScoreTable, reference: ScoreTable | None) -> None:
    def mapped(scores: ScoreTable) -> ScoreTable:
        values = scores.values.copy()
        values[:, 0] = np.exp(3 * values[:, 0]) - 7
        return _table(values)

    moved = ensemble(mapped(table), None if reference is None else mapped(reference))
    _assert_equal(
        moved, ensemble(table, reference), "a strictly monotone map of one proxy moves the numbers"
    )


def _check_unscored(ensemble: Ensemble, table: ScoreTable, reference: ScoreTable | None) -> None:
    values = table.values.copy()
    # Best under the other proxies: only the NaN can put it last.
    values[3] = [np.nan, values[:, 1].min() - 1, values[:, 2].max() + 1]
    values[8] = np.nan
    numbers = ensemble(_table(values), reference)
    unscored = numbers[[3, 8]]
    assert (unscored == -np.inf).all(), f"candidates with a NaN get {unscored}, not -inf"
    scored = np.delete(numbers, [3, 8])
    assert np.isfinite(scored).all(), f"scored candidates get {scored}"
    nothing = ensemble(_table(np.full((2, 3), np.nan)), reference)
    assert (nothing == -np.inf).all(), f"a table of NaN gets {nothing}, not -inf"


def _check_empty(ensemble: Ensemble, reference: ScoreTable | None) -> None:
    try:
        numbers = ensemble(_table(np.empty((0, 3))), reference)
    except EmptyTable:
        return
    raise AssertionError(f"a table without candidates gives {numbers}, EmptyTable is wanted")


def _assert_equal(got: ndarray, wanted: ndarray, claim: str) -> None:
    assert np.allclose(got, wanted, rtol=1e-9, atol=0), f"{claim}: {got} against {wanted}"
