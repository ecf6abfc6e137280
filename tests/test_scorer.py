"""The front door: memory, isolation, references, the same numbers whatever the circumstances."""

from __future__ import annotations

import dataclasses
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests import zoo
from zc_plugins import Excitation, ModuleSpace, Reference, Scorer, ScoreTable
from zc_plugins.errors import (
    InvalidArgument,
    NonFiniteInput,
    NotAModule,
    NothingScored,
    ReferenceMismatch,
    UnknownProxy,
)
from zc_plugins.proxies import SHELF as PROXIES
from zc_plugins.recipes import az_nas
from zc_plugins.spaces.module import Suggestions
from zc_plugins.spaces.nasbench201 import Cell, NasBench201

SPACE = NasBench201(channels=4, cells_per_stage=1)
SHAPE = (3, 8, 8)


class Counting(NasBench201):
    """Counts the networks that it builds."""

    def __init__(self, channels: int = 2) -> None:
        super().__init__(channels=channels, cells_per_stage=1)
        self.built: list[Cell] = []

    def build(self, architecture: Cell) -> nn.Module:
        self.built.append(architecture)
        return super().build(architecture)


def az(**settings: Any) -> Scorer:
    return az_nas(SHAPE, batch_size=4, device="cpu", **settings)


def cells(count: int, seed: int = 0) -> list[Cell]:
    rng = np.random.default_rng(seed)
    return [SPACE.sample(rng) for _ in range(count)]


# Memory


def test_an_architecture_is_scored_once() -> None:
    space, scorer = Counting(), az()
    cell = space.decode(
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|none~0|skip_connect~1|skip_connect~2|"
    )
    same = space.decode(
        "|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|"
    )
    table = scorer.score([cell, same, cell], space=space)
    again = scorer.score([same], space=space)
    assert len(space.built) == 1
    assert (table.values == table.values[0]).all()
    np.testing.assert_array_equal(again.values[0], table.values[0])
    assert len(set(table.candidates)) == 1
    assert table.seconds is not None
    assert table.seconds[0] > 0
    assert (np.asarray(table.seconds)[1:] == 0).all()


def test_a_table_tells_the_parameters_that_make_its_candidates() -> None:
    space, scorer = NasBench201(), az()
    cell = space.decode("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    wanted = (space.parameters(space.canonical(cell)),)
    assert scorer.score([cell], space=space).parameters == wanted
    ((_, streamed),) = scorer.stream([cell], space=space)
    assert streamed.parameters == wanted
    assert scorer.score([lambda: nn.Linear(2, 2)]).parameters == ({},)


def test_failures_are_remembered_too() -> None:
    calls = []

    def build(trial: Any) -> nn.Module:
        calls.append(trial.suggest_int("n", 0, 3))
        raise ArithmeticError("never")

    space, scorer = ModuleSpace(build), az()
    for _ in range(2):
        table = scorer.score([Suggestions.of({"n": 1})], space=space)
        assert "never" in table.notes[0]["params" if "params" in table.proxies else "complexity"]
    assert calls == [1]


def test_networks_and_functions_are_not_remembered() -> None:
    built = []

    def build() -> nn.Module:
        built.append(1)
        return zoo.plain_cnn()

    scorer = az()
    scorer.score([build, build])
    scorer.score([build])
    assert len(built) == 3


# Isolation


def test_one_failure_does_not_stop_the_others() -> None:
    def fails() -> nn.Module:
        raise RuntimeError("out of luck")

    table = az().score([zoo.plain_cnn, fails, zoo.mobilenet, nn.Identity(), zoo.plain_cnn()])
    assert table.scored.tolist() == [True, False, True, False, True]
    assert set(table.notes[1].values()) == {"RuntimeError: out of luck"}


def test_interrupt_goes_through_and_what_was_scored_is_kept() -> None:
    class Interrupted(Counting):
        def build(self, architecture: Cell) -> nn.Module:
            if len(self.built) == 2:
                raise KeyboardInterrupt
            return super().build(architecture)

    space, scorer, pool = Interrupted(), az(), cells(3, seed=5)
    with pytest.raises(KeyboardInterrupt):
        scorer.score(pool, space=space)
    healthy = Counting()
    scorer.score(pool, space=healthy)
    assert len(healthy.built) == 1


def test_the_users_networks_and_generators_are_untouched() -> None:
    network = zoo.plain_cnn().eval()
    weights = {k: v.clone() for k, v in network.state_dict().items()}
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    az().score([network, zoo.plain_cnn])
    assert torch.equal(torch_state, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])  # type: ignore[index]
    assert all(torch.equal(v, weights[k]) for k, v in network.state_dict().items())
    assert not network.training


# Arguments


def test_unknown_proxy() -> None:
    with pytest.raises(UnknownProxy, match="did you mean 'trainability'"):
        Scorer(["trainabilty"], Excitation(SHAPE))


@pytest.mark.parametrize("proxies", [[], ["params", "params"]])
def test_no_or_repeated_proxies(proxies: list[str]) -> None:
    with pytest.raises(InvalidArgument, match="proxies="):
        Scorer(proxies, Excitation(SHAPE))


def test_unknown_ensemble() -> None:
    with pytest.raises(InvalidArgument, match="did you mean 'az_rank'"):
        Scorer(["params"], Excitation(SHAPE), ensemble="az-rank")


@pytest.mark.parametrize("item", [3, "resnet18", None, {"width": 3}])
def test_items_that_build_nothing(item: Any) -> None:
    with pytest.raises(NotAModule, match=r"pool\[1\]"):
        az().score([zoo.plain_cnn, item])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_inputs_that_are_not_finite(value: float) -> None:
    with pytest.raises(NonFiniteInput, match="finite batch"):
        az_nas(inputs=torch.full((4, 3, 8, 8), value))


def test_an_empty_pool_is_an_empty_table() -> None:
    table = az().score([])
    assert len(table) == 0
    assert table.values.shape == (0, 4)
    with pytest.raises(InvalidArgument, match="0 candidates"):
        az().aggregate(table)


def test_devices() -> None:
    auto = az_nas(SHAPE).device
    available = torch.accelerator.is_available()
    assert auto.type == (torch.accelerator.current_accelerator().type if available else "cpu")  # type: ignore[union-attr]
    assert az().device == torch.device("cpu")
    with pytest.raises(RuntimeError):
        az_nas(SHAPE, device="nowhere")


# The same numbers, whatever the circumstances


def test_the_order_of_the_pool_does_not_matter() -> None:
    pool = cells(8)
    order = np.random.default_rng(0).permutation(8)
    straight = az().score(pool, space=SPACE)
    shuffled = az().score([pool[i] for i in order], space=SPACE)
    np.testing.assert_array_equal(straight.values[order], shuffled.values)
    builders = [zoo.plain_cnn, zoo.mobilenet, zoo.ResNet, zoo.vgg]
    scorer = az_nas((3, 16, 16), batch_size=4)
    np.testing.assert_array_equal(
        scorer.score(builders).values, scorer.score(builders[::-1]).values[::-1]
    )


def test_neither_global_seeds_nor_earlier_work_matter() -> None:
    torch.manual_seed(1)
    first = az().score([zoo.plain_cnn, zoo.dropout_group_norm])
    torch.manual_seed(2)
    torch.rand(7)
    alone = az().score([zoo.dropout_group_norm])
    np.testing.assert_array_equal(first.values[1], alone.values[0])


def test_seeds_matter() -> None:
    one, other = (az(seed=s).score([zoo.plain_cnn]).values[0] for s in (0, 1))
    assert (one[:3] != other[:3]).all()
    assert one[3] == other[3]


def test_threads_that_share_a_scorer() -> None:
    pool = cells(6, seed=3)
    wanted = az().score(pool, space=SPACE).values
    scorer, space = az(), Counting(channels=4)
    with ThreadPoolExecutor(4) as threads:
        tables = list(threads.map(lambda c: scorer.score([c], space=space), pool * 3))
    got = np.concatenate([table.values for table in tables])
    np.testing.assert_array_equal(got, np.tile(wanted, (3, 1)))
    assert len(space.built) == len({SPACE.canonical(c) for c in pool})


def test_a_scorer_travels_between_processes() -> None:
    scorer = az()
    pool = cells(2)
    table = scorer.score(pool, space=SPACE)
    space = Counting(channels=4)
    copy = pickle.loads(pickle.dumps(scorer))
    np.testing.assert_array_equal(copy.score(pool, space=space).values, table.values)
    assert copy.settings == scorer.settings
    assert not space.built
    fresh = cells(1, seed=9)
    np.testing.assert_array_equal(
        copy.score(fresh, space=SPACE).values, scorer.score(fresh, space=SPACE).values
    )


# References


def test_percentiles_are_stationary() -> None:
    scorer = az()
    calibrated = scorer.against(scorer.reference(SPACE, size=12, seed=1))
    pool = cells(6)
    together = calibrated.percentile(calibrated.score(pool, space=SPACE))
    alone = [float(calibrated.percentile(calibrated.score([c], space=SPACE))[0]) for c in pool]
    np.testing.assert_array_equal(together, alone)
    assert ((together >= 0) & (together <= 1)).all()


def test_percentiles_are_uniform_over_the_space() -> None:
    scorer = Scorer(["params"], Excitation(SHAPE), device="cpu")
    space = ModuleSpace(lambda trial: nn.Linear(8, trial.suggest_int("width", 1, 4000)))
    percentile = scorer.against(scorer.reference(space, size=60, seed=1)).percentile
    rng = np.random.default_rng(2)
    pool = [space.sample(rng) for _ in range(60)]
    numbers = np.sort(percentile(scorer.score(pool, space=space)))
    # Kolmogorov-Smirnov at 1 %, both samples finite.
    assert np.abs(numbers - (np.arange(60) + 0.5) / 60).max() < 1.63 * np.sqrt(2 / 60)
    own = percentile(scorer.reference(space, size=60, seed=1).table)
    np.testing.assert_allclose(np.sort(own), (np.arange(60) + 0.5) / 60)


def test_percentile_of_what_has_no_score_is_zero() -> None:
    scorer = az()
    calibrated = scorer.against(scorer.reference(SPACE, size=10))
    dead = SPACE.decode("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    assert calibrated.percentile(calibrated.score([dead], space=SPACE)).tolist() == [0.0]


def test_a_reference_is_the_same_in_every_process() -> None:
    one, other = (az().reference(SPACE, size=4, seed=3) for _ in range(2))
    assert one.to_json() == other.to_json()
    assert one.to_json() != az().reference(SPACE, size=4, seed=4).to_json()


def test_reference_as_text() -> None:
    scorer = az()
    reference = scorer.reference(SPACE, size=8)
    text = reference.to_json()
    json.loads(text)
    back = Reference.from_json(text)
    assert (back.space, back.settings) == (reference.space, reference.settings)
    np.testing.assert_array_equal(back.table.values, reference.table.values)
    assert back.table.proxies == reference.table.proxies
    table = scorer.score(cells(3), space=SPACE)
    np.testing.assert_array_equal(
        scorer.against(back).percentile(table), scorer.against(reference).percentile(table)
    )


def test_a_reference_as_text_knows_its_dead() -> None:
    table = ScoreTable("ab", [[1.0], [np.nan]], notes=[{}, {"0": "dead"}], degenerate=[False, True])
    assert Reference.from_json(Reference("space", "0", table).to_json()).table.degenerate == (
        False,
        True,
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", '{"space": "x"}', "no json"])
def test_texts_that_are_no_reference(text: str) -> None:
    with pytest.raises(InvalidArgument, match="no reference sample"):
        Reference.from_json(text)


def test_reference_of_another_space() -> None:
    scorer = az()
    calibrated = scorer.against(scorer.reference(SPACE, size=3))
    with pytest.raises(ReferenceMismatch, match="drawn from space"):
        calibrated.score(cells(1), space=NasBench201(channels=8, cells_per_stage=1))


OTHER_SETTINGS = {
    "seed": lambda: az(seed=1),
    "proxies": lambda: Scorer(["params"], Excitation(SHAPE, batch_size=4)),
    "batch": lambda: az_nas(SHAPE, batch_size=5),
    "shape": lambda: az_nas((3, 9, 9), batch_size=4),
    "initialisation": lambda: az(initialisation="keep"),
    "blocks": lambda: az(blocks=("stem",)),
    "autocast": lambda: az(autocast=torch.bfloat16),
    "forward": lambda: az(forward=zoo.two_inputs),
    "inputs": lambda: az_nas(inputs=torch.zeros(4, *SHAPE), device="cpu"),
}


@pytest.mark.parametrize("name", OTHER_SETTINGS)
def test_reference_with_other_settings(name: str) -> None:
    reference = az().reference(SPACE, size=2)
    with pytest.raises(ReferenceMismatch, match="was scored with settings"):
        OTHER_SETTINGS[name]().against(reference)


def test_settings_tell_batches_of_ones_own_apart() -> None:
    batches = [torch.zeros(4, 3, 8, 8), torch.ones(4, 3, 8, 8), torch.zeros(4, 3, 8, 8).double()]
    prints = {az_nas(inputs=batch).settings for batch in batches}
    assert len(prints) == 3
    assert az_nas(inputs=batches[0].clone()).settings in prints


@pytest.mark.parametrize("size", [0, 1, -3])
def test_reference_needs_two(size: int) -> None:
    with pytest.raises(InvalidArgument, match="size="):
        az().reference(SPACE, size=size)


def test_reference_of_a_space_in_which_nothing_works() -> None:
    space = ModuleSpace(lambda trial: nn.Linear(5, trial.suggest_int("width", 1, 9)))
    with pytest.raises(NothingScored, match="does not fit the network"):
        az().reference(space, size=3)


def test_two_spaces_do_not_share_memory() -> None:
    scorer, pool = Scorer(["params"], Excitation(SHAPE)), cells(1, seed=1)
    narrow = scorer.score(pool, space=NasBench201(channels=2, cells_per_stage=1))
    wide = scorer.score(pool, space=NasBench201(channels=4, cells_per_stage=1))
    assert wide.values[0, 0] > narrow.values[0, 0]


def test_settings_of_a_half_precision_batch() -> None:
    assert az_nas(inputs=torch.zeros(4, 3, 8, 8, dtype=torch.bfloat16)).settings


def test_settings_tell_proxies_of_one_name_apart() -> None:
    mine = dataclasses.replace(PROXIES["params"], layer_score=lambda n: -float(n))
    own, shelf = (Scorer([p], Excitation(SHAPE)).settings for p in (mine, "params"))
    assert own != shelf


def test_settings_tell_unnamed_forwards_apart() -> None:
    one = az(forward=lambda model, x: model(x)).settings
    other = az(forward=lambda model, x: model(-x)).settings
    assert one != other


# Repeats


def test_repeats_average_draws_of_the_following_seeds() -> None:
    networks = [SPACE.build(cell) for cell in cells(3)]

    def scored(repeats: int, seed: int) -> Any:
        return az(repeats=repeats, seed=seed).score(networks)

    draws = [scored(1, seed).values for seed in (5, 6, 7)]
    assert not np.array_equal(draws[0], draws[1])
    np.testing.assert_allclose(scored(3, 5).values, np.mean(draws, axis=0), rtol=1e-12)


def test_a_table_names_its_layers() -> None:
    scorer, pool = az(), cells(2)
    table = scorer.score(pool, space=SPACE)
    for cell, names in zip(pool, table.layer_names["expressivity"], strict=True):
        row = az().layer_scores(SPACE.build(SPACE.canonical(cell)))
        assert names == row["expressivity"].names
    other = az()
    other.remember(table, space=SPACE)
    assert other.score(pool, space=SPACE).layer_names == table.layer_names
    assert other.scored == 0


def test_repeats_average_the_layers_too() -> None:
    network = SPACE.build(Cell(("nor_conv_3x3",) * 6))
    scores = az(repeats=2, seed=1).layer_scores(network)["expressivity"]
    draws = [az(seed=seed).layer_scores(network)["expressivity"].layers for seed in (1, 2)]
    np.testing.assert_allclose(scores.layers, np.mean(draws, axis=0), rtol=1e-12)
    assert scores.names


def test_costs_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from zc_plugins.probes import cost

    counted: list[nn.Module] = []
    real = cost.params

    def counting(model: nn.Module) -> int:
        counted.append(model)
        return real(model)

    monkeypatch.setattr(cost, "params", counting)
    scorer = Scorer(["params", "snip"], Excitation(SHAPE, batch_size=4, repeats=4), device="cpu")
    assert scorer.score([nn.Conv2d(3, 2, 3)]).values[0, 0] == 56
    assert len(counted) == 1


def test_a_draw_without_a_number_leaves_a_note() -> None:
    dead = SPACE.build(Cell(("none",) * 6))
    table = az(repeats=3).score([dead])
    assert table.degenerate == (True,)
    assert table.notes[0]["expressivity"] == az().score([dead]).notes[0]["expressivity"]


@pytest.mark.parametrize("repeats", [0, -1])
def test_repeats_are_a_number(repeats: int) -> None:
    with pytest.raises(InvalidArgument, match=f"repeats={repeats}: pass a number of draws"):
        Excitation(input_shape=SHAPE, repeats=repeats)


def test_a_network_without_a_number_is_drawn_once() -> None:
    calls: list[int] = []

    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            calls.append(len(x))
            raise RuntimeError("broken")

    excitation = Excitation(SHAPE, batch_size=4, repeats=3)
    scorer = Scorer(["snip"], excitation, device="cpu")
    once = Scorer(["snip"], dataclasses.replace(excitation, repeats=1), device="cpu")
    once.score([Broken()])
    alone = len(calls)
    assert "broken" in scorer.score([Broken()]).notes[0]["snip"]
    assert len(calls) == 2 * alone


def test_layers_that_differ_between_draws_cost_no_score() -> None:
    class RandomDepth(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(6))
            self.head = nn.Linear(3, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                if torch.rand(()) < 0.5:
                    x = torch.relu(layer(x))
            out: torch.Tensor = self.head(x.mean((2, 3)))
            return out

    excitation = Excitation(SHAPE, batch_size=4, repeats=5)
    table = Scorer(["params", "naswot", "snip"], excitation, device="cpu").score([RandomDepth()])
    assert np.isfinite(table.values).all()


def test_repeats_are_among_the_settings() -> None:
    assert az(repeats=2).settings != az().settings
