"""Vision transformers: sizes against published ones, features, text, neighbours, a real study."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
import torch
from torch import Tensor

from zc_plugins.costs.flops import flops
from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument
from zc_plugins.probes._blocks import block_boundaries
from zc_plugins.recipes import az_nas_vit
from zc_plugins.spaces.module import Proposal
from zc_plugins.spaces.vit import PRESETS, Ranges, Transformer, VitSpace
from zc_plugins.testing import check_space

SMALL = Ranges((16, 24), (1, 2, 3), (1, 2), (1.0, 2.5))
SPACE = VitSpace(SMALL, image_size=8, patch_size=4, classes=5)
INPUT = (3, 8, 8)


def uniform(embedding: int, depth: int, heads: int, ratio: float) -> Transformer:
    return Transformer(embedding, (heads,) * depth, (ratio,) * depth)


def test_conformance() -> None:
    check_space(SPACE, input_shape=INPUT)


def test_conformance_of_a_published_space() -> None:
    space = VitSpace("tiny", image_size=32, classes=10)
    check_space(space, input_shape=(3, 32, 32), samples=1)


@pytest.mark.parametrize(
    ("architecture", "published"),
    [
        (uniform(192, 12, 3, 4.0), 5_717_416),  # DeiT-Ti
        (uniform(384, 12, 6, 4.0), 22_050_664),  # DeiT-S
        (uniform(768, 12, 12, 4.0), 86_567_656),  # DeiT-B
    ],
)
def test_params_of_published_networks(architecture: Transformer, published: int) -> None:
    """DeiT at 224 pixels and patch 16, as timm counts it."""
    with torch.device("meta"):
        assert params(VitSpace().build(architecture)) == published


@pytest.mark.parametrize(
    ("preset", "least", "most"), [("tiny", 4, 11), ("small", 12, 35), ("base", 41, 77)]
)
def test_sizes_of_the_published_spaces(preset: str, least: int, most: int) -> None:
    """In millions; the windows that are searched (about 6, 23, 54) lie inside."""
    space, ranges = VitSpace(preset), PRESETS[preset]
    sizes = []
    for end in (min, max):
        extreme = uniform(*(end(choices) for choices in vars(ranges).values()))
        assert extreme in space
        with torch.device("meta"):
            sizes.append(params(space.build(extreme)) / 1e6)
    searched = {"tiny": 6, "small": 23, "base": 54}[preset]
    assert least < sizes[0] < searched < sizes[1] < most


@pytest.mark.parametrize("seed", range(5))
def test_params_and_flops_by_formula(seed: int) -> None:
    architecture = SPACE.sample(np.random.default_rng(seed))
    width, tokens = architecture.embedding, 2 * 2 + 1
    parameters = (3 * 16 + 1) * width + (tokens + 1) * width + 2 * width + (width + 1) * 5
    operations = 3 * 16 * width * (tokens - 1) + width * 5
    for heads, ratio in zip(architecture.heads, architecture.mlp_ratios, strict=True):
        inner, hidden = 64 * heads, int(width * ratio)
        parameters += 2 * width + (width + 1) * 3 * inner + (inner + 1) * width
        parameters += 2 * width + (width + 1) * hidden + (hidden + 1) * width
        operations += tokens * width * (4 * inner + 2 * hidden) + 2 * tokens**2 * inner
    network = SPACE.build(architecture)
    assert params(network) == parameters
    assert flops(network, INPUT) == operations


def test_features_end_at_the_residuals() -> None:
    """The attention's and the MLP's output replaced by zeros leaves each feature as its input."""
    architecture = Transformer(24, (2, 1, 1), (1.0, 2.5, 1.0))
    network: Any = SPACE.build(architecture)
    names = block_boundaries(network, INPUT)
    assert len(names) == 2 * architecture.depth
    inputs: dict[str, Tensor] = {}
    outputs: dict[str, Tensor] = {}
    for name in names:
        module = network.get_submodule(name)
        last = getattr(module, "projection", None) or module.reduction
        torch.nn.init.zeros_(last.weight)

        def hook(_: Any, given: Any, output: Tensor, name: str = name) -> None:
            inputs[name], outputs[name] = given[0], output

        module.register_forward_hook(hook)
    network(torch.randn(2, *INPUT))
    assert list(outputs) == names
    for name in names:
        assert outputs[name].shape == (2, 5, 24)  # four patches and the class token
        assert torch.equal(outputs[name], inputs[name])


def test_initial_weights() -> None:
    network: Any = VitSpace(image_size=32).build(uniform(192, 12, 3, 4.0))
    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            assert 0.019 < float(module.weight.detach().std()) < 0.021
            assert not module.bias.any()
    assert 0.015 < float(network.positions.detach().std()) < 0.025


def test_blocks_compute_attention_over_all_tokens() -> None:
    """Against torch's own multi-head attention with the same weights."""
    network: Any = SPACE.build(uniform(24, 1, 1, 1.0))
    block = network.residuals[0].double()
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    normed = block.norm(x)
    query, key, value = (block.qkv(normed)[..., 64 * i : 64 * (i + 1)] for i in range(3))
    weights = torch.softmax(query @ key.transpose(1, 2) / 8, -1)
    torch.testing.assert_close(block(x), x + block.projection(weights @ value))


def test_text() -> None:
    architecture = Transformer(16, (2, 1), (1.0, 2.5))
    assert SPACE.encode(architecture) == "16|2x1.0|1x2.5"
    assert SPACE.decode("16|2x1.0|1x2.5") == architecture
    # Equal numbers, equal text: 1 is 1.0.
    assert SPACE.encode(Transformer(16, (2, 1), (1, 2.5))) == "16|2x1.0|1x2.5"


@pytest.mark.parametrize(
    "text",
    ["", "16", "nonsense", "16|1", "16|1x", "16|x1.0", "x|1x1.0", "16|0x1.0", "16|1x1.0|"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        SPACE.decode(text)


@pytest.mark.parametrize(
    "text", ["17|1x1.0", "16|3x1.0", "16|1xnan", "16|1x2.0", "16" + "|1x1.0" * 4]
)
def test_other_architectures_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="outside"):
        SPACE.decode(text)


@pytest.mark.parametrize(
    ("embedding", "heads", "ratios"),
    [(0, (1,), (1.0,)), (8, (), ()), (8, (1, 1), (1.0,)), (8, (0,), (1.0,)), (8, (1,), (0.1,))],
)
def test_impossible_transformers(
    embedding: int, heads: tuple[int, ...], ratios: tuple[float, ...]
) -> None:
    with pytest.raises(InvalidArgument, match="pass"):
        Transformer(embedding, heads, ratios)


@pytest.mark.parametrize("field", range(4))
@pytest.mark.parametrize("choices", [(), (0,)])
def test_impossible_ranges(field: int, choices: tuple[Any, ...]) -> None:
    ranges: list[Any] = [(16,), (1,), (1,), (1.0,)]
    ranges[field] = choices
    if field == 3:
        ranges[field] = tuple(map(float, choices))
    with pytest.raises(InvalidArgument, match=r"=\("):
        Ranges(*ranges)


@pytest.mark.parametrize(
    "settings",
    [{"ranges": "huge"}, {"classes": 0}, {"patch_size": 0}, {"image_size": 30}, {"image_size": 0}],
)
def test_impossible_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(settings))):
        VitSpace(**settings)


def test_names_tell_settings_apart() -> None:
    spaces = [
        *(VitSpace(preset) for preset in PRESETS),
        SPACE,
        VitSpace(image_size=32),
        VitSpace(patch_size=8),
        VitSpace(classes=10),
    ]
    assert len({space.name for space in spaces}) == len(spaces)
    assert VitSpace().name == VitSpace(PRESETS["tiny"]).name


def test_mutation_changes_one_choice_and_reaches_all() -> None:
    rng, architecture = np.random.default_rng(0), Transformer(16, (2, 1), (1.0, 2.5))
    seen = set()
    for _ in range(300):
        neighbour = SPACE.mutate(architecture, rng)
        assert neighbour in SPACE
        kept = min(neighbour.depth, 2)
        changed = [
            ("embedding", neighbour.embedding) if neighbour.embedding != 16 else None,
            ("depth", neighbour.depth) if neighbour.depth != 2 else None,
            *(("heads", i) for i in range(kept) if neighbour.heads[i] != architecture.heads[i]),
            *(
                ("mlp_ratio", i)
                for i in range(kept)
                if neighbour.mlp_ratios[i] != architecture.mlp_ratios[i]
            ),
        ]
        (only,) = filter(None, changed)
        seen.add(only)
    assert len(seen) == 1 + 2 + 4


def test_a_space_of_one_has_no_neighbours() -> None:
    space = VitSpace(Ranges((16,), (1,), (1,), (1.0,)), image_size=8, patch_size=4)
    rng = np.random.default_rng(0)
    assert space.mutate(space.sample(rng), rng) == space.sample(rng)


def test_samples_are_uniform() -> None:
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng) for _ in range(900)]
    for depth in SMALL.depths:
        assert 250 < sum(a.depth == depth for a in drawn) < 350
    ratios = [ratio for a in drawn for ratio in a.mlp_ratios]
    assert 0.45 < ratios.count(2.5) / len(ratios) < 0.55


def test_suggestions_depend_on_depth() -> None:
    trial = Proposal({"depth": 2}, np.random.default_rng(0))
    architecture = SPACE.suggest(trial)
    assert architecture.depth == 2
    wanted = {"embedding", "depth", "heads_0", "mlp_ratio_0", "heads_1", "mlp_ratio_1"}
    assert set(trial.params) == wanted


def test_a_study() -> None:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=4))

    def objective(trial: optuna.Trial) -> float:
        architecture = SPACE.suggest(trial)
        assert architecture in SPACE
        assert SPACE.suggest(trial) == architecture
        return float(params(SPACE.build(architecture)))

    study.optimize(objective, n_trials=12)
    assert len(study.trials) == 12
    assert SPACE.suggest(Proposal(study.best_params, None)) in SPACE


def test_the_recipe_scores_samples_and_reads_the_weights_as_built() -> None:
    rng = np.random.default_rng(0)
    pool = list({SPACE.sample(rng) for _ in range(6)})
    scorer = az_nas_vit(INPUT, batch_size=4, device="cpu")
    table = scorer.score(pool, space=SPACE)
    assert table.proxies == ("expressivity", "trainability", "complexity")
    assert not any(table.notes)
    assert np.isfinite(scorer.aggregate(table)).all()
    for architecture, layers in zip(pool, table.layers["expressivity"], strict=True):
        assert len(layers) == 2 * architecture.depth
    drawn_anew = az_nas_vit(
        INPUT, batch_size=4, device="cpu", initialisation="kaiming_normal"
    ).score(pool, space=SPACE)
    assert not np.isclose(table.column("trainability"), drawn_anew.column("trainability")).any()


def test_an_identity_block_is_told() -> None:
    """The public code skips it; here the network's trainability is NaN and the notes say why."""
    network: Any = SPACE.build(uniform(24, 2, 1, 1.0))
    torch.nn.init.zeros_(network.residuals[1].reduction.weight)
    table = az_nas_vit(INPUT, batch_size=4, device="cpu").score([network])
    assert table.notes[0] == {"trainability": "residuals.1: the block is the identity"}
    assert not table.degenerate[0]
