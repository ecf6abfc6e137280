"""An NNI model space as a search space of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from zc_plugins import Scorer
from zc_plugins._seeding import seeded
from zc_plugins.errors import InvalidArgument
from zc_plugins.nni import NniSpace
from zc_plugins.probes import Excitation
from zc_plugins.proxies import SHELF
from zc_plugins.spaces.module import Proposal
from zc_plugins.spaces.nasbench201 import EDGES, Cell
from zc_plugins.spaces.nasbench201 import NasBench201 as OwnNasBench201
from zc_plugins.testing import check_space

from .spaces import SHAPE, Nested

LABELS = {"nor_conv_1x1": "conv_1x1", "nor_conv_3x3": "conv_3x3"}


def test_nested_choices() -> None:
    check_space(NniSpace(Nested()), input_shape=SHAPE)


def test_hub() -> None:
    from nni.nas.hub.pytorch import NasBench201

    check_space(NniSpace(NasBench201(4, 1, 10)), input_shape=SHAPE)


def test_constrained_hub() -> None:
    from nni.nas.hub.pytorch import NasBench101

    space = NniSpace(NasBench101(4, 1, 1))
    for seed in range(3):
        architecture = space.sample(np.random.default_rng(seed))
        neighbour = space.mutate(architecture, np.random.default_rng(seed))
        assert neighbour != architecture
        for each in (architecture, neighbour):
            assert space.decode(space.encode(each)) == each
            # A label of several values, the inputs of a node, is one text.
            assert space.suggest(Proposal(space.parameters(each), None)) == each
            assert space.build(each)(torch.zeros(2, *SHAPE)).shape == (2, 10)


DIFFER = {
    "meco_authors": "a sum over all modules, containers too, and NNI nests its own otherwise",
    "vkdnw": "not traced; it draws one weight a parameter",
}
"""Proxies whose numbers are others on the same cells, and why."""

ROUNDED = {
    "epe_nas": "correlations of 1, of one image a class, up to rounding",
    "gradsign": "it reads the sign of gradients that are zero up to rounding, too",
}
"""The same with channels last, where NNI's sums are computed otherwise than ours."""


@pytest.mark.parametrize(
    ("channels_last", "differ"), [(True, {**DIFFER, **ROUNDED}), (False, DIFFER)]
)
def test_the_cells_of_the_hub_score_like_ours(channels_last: bool, differ: dict[str, str]) -> None:
    """Same seed, same cell, same numbers.

    NNI adds with ``torch.stack``, which lays the sum out in rows, whatever its terms are.
    """
    from nni.nas.hub.pytorch import NasBench201

    own, hub = OwnNasBench201(4, 1, 10), NniSpace(NasBench201(4, 1, 10))
    rng = np.random.default_rng(0)
    cells: list[Cell] = []
    while len(cells) < 4:
        cell = own.sample(rng)
        # Its idle operations are no part of the canonical cell.
        if own.canonical(cell) == cell:
            cells.append(cell)
    names = sorted(SHELF)
    excitation = Excitation(SHAPE, batch_size=4, channels_last=channels_last)
    scorer = Scorer(names, excitation, device="cpu")
    expected = scorer.score(cells, space=own)
    found = scorer.score([_of_hub(hub, cell) for cell in cells], space=hub)
    assert set(differ) < set(names)
    for name in names:
        if name not in differ:
            np.testing.assert_allclose(
                found.column(name), expected.column(name), rtol=2e-3, err_msg=name
            )
    for name in ("params", "complexity", "naswot", "synflow"):
        np.testing.assert_array_equal(found.column(name), expected.column(name))


def _of_hub(space: NniSpace, cell: Cell) -> Any:
    return space.of(
        {
            f"cell/{source}_{target}": LABELS.get(operation, operation)
            for (source, target), operation in zip(EDGES, cell.operations, strict=True)
        }
    )


def test_labels_of_an_evaluator_are_no_part_of_it() -> None:
    space = NniSpace(Nested())
    sample = space.sample_of(space.sample(np.random.default_rng(0)))
    assert space.of({**sample, "learning_rate": 0.1}) == space.of(sample)


def test_names_tell_spaces_apart() -> None:
    names = {NniSpace(space).name for space in (Nested(), Nested((4, 8)))}
    assert len(names) == 2
    assert NniSpace(Nested()).name in names


def test_weights_do_not_depend_on_what_was_built_before() -> None:
    space, again = NniSpace(Nested()), NniSpace(Nested())
    architecture = space.sample(np.random.default_rng(1))
    again.build(again.sample(np.random.default_rng(2)))
    with seeded(3):
        first = space.build(architecture)
    with seeded(3):
        second = again.build(architecture)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"width": 4}', '{"width": 5, "middle": "skip"}'])
def test_a_text_of_another_space(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"no architecture|labels"):
        NniSpace(Nested()).decode(text)


def test_a_space_in_another_format() -> None:
    from nni.nas.space import ExecutableModelSpace

    class Graph(ExecutableModelSpace):  # type: ignore[misc]
        pass

    with pytest.raises(InvalidArgument, match="model_space is Graph: pass"):
        NniSpace(Graph())


def test_optunas_samplers_propose_of_a_model_space() -> None:
    """Parameters of an architecture are known, so that it can be proposed to a trial."""
    import optuna

    from zc_plugins import recipes
    from zc_plugins.optuna import FilterThenTrainSampler

    space = NniSpace(Nested())
    sampler = FilterThenTrainSampler(space, recipes.size(SHAPE), pool=20, first=2, neighbours=3)
    study = optuna.create_study(direction="maximize", sampler=sampler)

    def size(trial: optuna.Trial) -> float:
        return float(sum(p.numel() for p in space.build(space.suggest(trial)).parameters()))

    study.optimize(size, n_trials=5)
    assert len({str(trial.params) for trial in study.trials}) == 5
    assert [trial.value for trial in study.trials] == [
        trial.user_attrs["zc_params"] for trial in study.trials
    ]
