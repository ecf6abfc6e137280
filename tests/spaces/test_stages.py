"""Super-blocks: the published structure's size, blocks by hand, neighbours, costs by formula."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from zc_plugins import recipes
from zc_plugins.costs.flops import flops
from zc_plugins.costs.params import params
from zc_plugins.errors import InputShapeMismatch, InvalidArgument
from zc_plugins.probes._blocks import last_feature
from zc_plugins.spaces import _backbone_text
from zc_plugins.spaces._stages_mutation import choices
from zc_plugins.spaces.stages import (
    IDW,
    KINDS,
    PRESETS,
    PUBLISHED,
    XXBL,
    Backbone,
    Convolution,
    Stages,
    SuperBlock,
)
from zc_plugins.testing import check_space

SPACE = Stages(classes=5, max_channels=64, head_varies=True, initial=(
    "SuperConvK3BNRELU(3,8,1,1)SuperResIDWE2K3(8,16,1,8,1)SuperResIDWE6K3(16,24,2,8,2)"
    "SuperConvK1BNRELU(24,32,1,1)"
))  # fmt: skip
STEM, HEAD = Convolution("SuperConvK3BNRELU", 8), Convolution("SuperConvK1BNRELU", 16)
JSON = SPACE.initial.to_json()
LINKS = [(True, False), (False, False), (True, True), (False, True)]


def one_block(kind: str, *, layers: int = 2, stride: int = 2) -> Backbone:
    return Backbone(STEM, ((SuperBlock(kind, 16, stride, 24, layers),),), HEAD)


@pytest.mark.parametrize("kinds", [IDW, XXBL])
@pytest.mark.parametrize(("residual", "squeeze_excite"), LINKS)
def test_conformance(kinds: tuple[str, ...], residual: bool, squeeze_excite: bool) -> None:
    space = Stages(
        one_block(kinds[0]),
        kinds=kinds,
        classes=5,
        residual=residual,
        squeeze_excite=squeeze_excite,
        max_layers=8,
        max_channels=32,
        head_varies=residual,
    )
    check_space(space, input_shape=(3, 9, 9), samples=2)


def authors_flops(network: nn.Module, side: int) -> float:
    """One a weight and position, one an element of normalisation, links at the stride twice."""
    counts = []

    def count(name: str) -> Any:
        owner, _, of_link = name.partition(".link.")
        link: Any = network.get_submodule(f"{owner}.link.0") if of_link else None
        stride = link.stride[0] if of_link else 1

        def hook(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            positions = output.shape[2:].numel() / stride**2
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                counts.append(module.weight.numel() * positions)
            elif isinstance(module, nn.BatchNorm2d):
                counts.append(module.num_features * positions)

        return hook

    for name, module in network.named_modules():
        module.register_forward_hook(count(name))
    network(torch.empty(2, 3, side, side, device="meta"))
    return sum(counts)


def test_the_published_structure() -> None:
    """162.40 M as the authors count, whose 2,813,889 parameters leave out some that torch has."""
    space = Stages()
    with torch.device("meta"):
        network = space.build(space.decode(PUBLISHED))
    assert params(network) == space.params(space.initial) == 2_824_264
    assert flops(network, (3, 224, 224)) == space.flops(space.initial, (3, 224, 224))
    assert round(space.flops(space.initial, (3, 224, 224)) / 1e6, 2) == 159.33
    assert round(authors_flops(network, 224) / 1e6, 2) == 162.40
    norms = [m.num_features for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    biases = [conv.bias.numel() for conv in convolutions if conv.bias is not None]
    # Normalisation once, the classifier's bias as one, no biases of links.
    assert params(network) - sum(norms) - sum(biases) - 1000 + 1 == 2_813_889
    assert space.layers(space.initial) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains(kind: str) -> None:
    torch.manual_seed(0)
    network = Stages(classes=3, squeeze_excite=True).build(one_block(kind))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    x, target = torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 0])
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(x), target)
        loss.backward()  # type: ignore[no-untyped-call]
        assert all(p.grad is not None and p.grad.any() for p in network.parameters())
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


def convs(residual: Any) -> list[tuple[int, ...]]:
    """Inputs, outputs, kernel, stride and groups of a residual's convolutions."""
    return [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0], m.groups)
        for m in residual.branch
        if isinstance(m, nn.Conv2d)
    ]


def test_basic_by_hand() -> None:
    """A sub-layer is one residual of two convolutions; ReLU after the first and after the sum."""
    network: Any = Stages().build(one_block("SuperResK5K5"))
    first, second = network.blocks
    assert convs(first) == [(8, 24, 5, 2, 1), (24, 16, 5, 1, 1)]
    assert convs(second) == [(16, 24, 5, 1, 1), (24, 16, 5, 1, 1)]
    x = torch.randn(2, 8, 7, 7)
    conv, norm, relu, conv2, norm2 = first.branch
    projection, norm3 = first.link
    assert projection.bias is not None
    assert norm.eps == norm3.eps == 1e-3
    wanted = torch.relu(norm2(conv2(relu(norm(conv(x))))) + norm3(projection(x)))
    torch.testing.assert_close(first(x), wanted)
    x = torch.randn(2, 16, 4, 4)
    conv, norm, relu, conv2, norm2 = second.branch
    torch.testing.assert_close(second(x), torch.relu(norm2(conv2(relu(norm(conv(x))))) + x))


def test_bottlenecks_by_hand() -> None:
    """A sub-layer is two; the first link is projected, the others are identities."""
    network: Any = Stages().build(one_block("SuperResK1K7K1"))
    later = [(16, 24, 1, 1, 1), (24, 24, 7, 1, 1), (24, 16, 1, 1, 1)]
    first = [(8, 24, 1, 1, 1), (24, 24, 7, 2, 1), (24, 16, 1, 1, 1)]
    assert [convs(block) for block in network.blocks] == [first, later, later, later]
    kinds = [type(block.link) for block in network.blocks]
    assert kinds == [nn.Sequential, nn.Identity, nn.Identity, nn.Identity]


def test_inverted_residuals_by_hand() -> None:
    """A sub-layer is two: to the bottleneck, and from it; each widens what it gives."""
    network: Any = Stages(squeeze_excite=True).build(one_block("SuperResIDWE4K3"))
    first, second, third, fourth = network.blocks
    assert convs(first) == [(8, 96, 1, 1, 1), (96, 96, 3, 2, 96), (96, 24, 1, 1, 1)]
    assert convs(second) == [(24, 64, 1, 1, 1), (64, 64, 3, 1, 64), (64, 16, 1, 1, 1)]
    assert convs(third) == [(16, 96, 1, 1, 1), (96, 96, 3, 1, 96), (96, 24, 1, 1, 1)]
    assert convs(fourth) == convs(second)
    assert all(isinstance(block.link, nn.Sequential) for block in network.blocks)
    expand, norm, relu, depthwise, norm2, relu2, excite, project, norm3 = second.branch
    down, rectified, up, sigmoid = excite.gate
    assert down.out_channels == 16
    x = torch.randn(2, 24, 5, 5)
    hidden = relu2(norm2(depthwise(relu(norm(expand(x))))))
    gate = sigmoid(up(rectified(down(hidden.mean((2, 3), keepdim=True)))))
    conv, norm4 = second.link
    wanted = torch.relu(norm3(project(hidden * gate)) + norm4(conv(x)))
    torch.testing.assert_close(second(x), wanted)


def test_squeeze_excite_of_a_basic_residual_follows_its_last_normalisation() -> None:
    network: Any = Stages(squeeze_excite=True).build(one_block("SuperResK3K3"))
    kinds = [type(module).__name__ for module in network.blocks[0].branch]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d", "_SqueezeExcite"]


def test_a_plain_network_has_no_links() -> None:
    space = Stages(squeeze_excite=True)
    network: Any = space.plain.build(one_block("SuperResIDWE4K3"))
    assert all(block.link is None for block in network.blocks)
    assert not any(isinstance(module, nn.Sigmoid) for module in network.modules())
    block, x = network.blocks[0], torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(block(x), torch.relu(block.branch(x)))
    assert (space.residual, space.squeeze_excite) == (True, True)
    assert space.plain.initial == space.initial
    assert space.plain.name == Stages(residual=False).name != Stages().name


def test_declared_blocks_are_the_closing_activations() -> None:
    backbone = Backbone(
        Convolution("SuperConvK5BNRELU", 8, 2, layers=2), one_block("SuperResK1K3K1").stages, HEAD
    )
    for space in (Stages(), Stages(residual=False)):
        network: Any = space.build(backbone)
        outputs: list[Tensor] = []
        copies: list[Tensor] = []
        for name in network.zc_blocks:
            last = network.get_submodule(name)
            assert isinstance(list(last.children())[-1], nn.ReLU)
            last.register_forward_hook(partial(lambda kept, *call: kept.append(call[-1]), outputs))
            last.register_forward_hook(
                partial(lambda kept, *call: kept.append(call[-1].clone()), copies)
            )
        network(torch.randn(2, 3, 32, 32))
        assert [tuple(o.shape[1:]) for o in outputs] == [(8, 16, 16)] * 2 + [(16, 8, 8)] * 5
        # Activations overwrite what enters them; what a block gives stays.
        assert all(torch.equal(*pair) for pair in zip(outputs, copies, strict=True))


@pytest.mark.parametrize("space", [Stages(), Stages(residual=False), Stages(kinds=XXBL)])
def test_the_declared_feature_is_the_traced_one(space: Stages) -> None:
    network: Any = space.build(space.initial)
    declared = last_feature(network, (3, 64, 64))
    del network.zc_feature
    assert last_feature(network, (3, 64, 64)) == declared == "head"


@pytest.mark.parametrize(("residual", "squeeze_excite"), LINKS)
def test_costs_by_formula(residual: bool, squeeze_excite: bool) -> None:
    settings: dict[str, Any] = {"residual": residual, "squeeze_excite": squeeze_excite}
    space = Stages(kinds=(*XXBL, *IDW), classes=7, max_layers=12, head_varies=True, **settings)
    rng = np.random.default_rng(0)
    for shape in [(3, 32, 32), (3, 37, 53), (3, 1, 2), (3, 224, 97)] * 2:
        architecture = space.sample(rng)
        with torch.device("meta"):
            network = space.build(architecture)
        assert space.params(architecture) == params(network)
        assert space.flops(architecture, shape) == flops(network, shape)


def test_costs_of_convolutions_with_layers_and_strides() -> None:
    stem = Convolution("SuperConvK7BNRELU", 12, stride=3, layers=3)
    backbone = Backbone(stem, one_block("SuperResIDWE1K5", stride=3).stages, HEAD)
    network = Stages().build(backbone)
    assert Stages().params(backbone) == params(network)
    assert Stages().flops(backbone, (3, 41, 23)) == flops(network, (3, 41, 23))


@pytest.mark.parametrize("shape", [(3, 32), (1, 32, 32), (3, 0, 32), (3, 32, 32, 32)])
def test_costs_of_other_inputs(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputShapeMismatch, match="pass"):
        SPACE.flops(SPACE.initial, shape)


@pytest.mark.parametrize("seed", range(10))
def test_text_and_json(seed: int) -> None:
    architecture = SPACE.sample(np.random.default_rng(seed))
    assert SPACE.decode(SPACE.encode(architecture)) == architecture
    assert Backbone.from_json(architecture.to_json()) == architecture
    assert set(json.loads(architecture.to_json())) == {"stem", "stages", "head"}


def test_published_text() -> None:
    space = Stages()
    assert space.encode(space.initial) == PUBLISHED
    assert space.initial.stem == Convolution("SuperConvK3BNRELU", 8, 2, 1)
    assert space.initial.stages[1] == (SuperBlock("SuperResIDWE6K3", 48, 2, 32, 1),)
    assert [len(stage) for stage in space.initial.stages] == [1, 1, 1, 1]
    two = PUBLISHED.replace("(32,48,2,32,1)", "(32,48,2,32,1)SuperResIDWE1K7(48,48,1,24,2)")
    assert [len(stage) for stage in space.decode(two).stages] == [1, 2, 1, 1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        PUBLISHED[1:],
        PUBLISHED + " ",
        PUBLISHED.replace("(3,8,2,1)", "(3,8,2)"),
        PUBLISHED.replace("(3,8,2,1)", "(1,8,2,1)"),
        PUBLISHED.replace("(8,32,2,8,1)", "(8,32,2,8)"),
        PUBLISHED.replace("(8,32,2,8,1)", "(8,40,2,8,1)"),
        PUBLISHED.replace("(8,32,2,8,1)", "(8,32,2,8,0)"),
        PUBLISHED.replace("(8,32,2,8,1)", "(8,32,2,8,-1)"),
        PUBLISHED.replace("SuperResIDWE6K3(8", "SuperResIDWE5K3(8"),
        PUBLISHED.partition("SuperResIDWE6K3(96")[0],
        PUBLISHED.partition(")")[2],
        "SuperConvK3BNRELU(3,8,1,1)SuperConvK3BNRELU(8,8,1,1)SuperConvK3BNRELU(8,8,1,1)",
        "SuperConvK3BNRELU(3,8,2,1)SuperConvK1BNRELU(8,2048,1,1)",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="pass"):
        Stages().decode(text)


@pytest.mark.parametrize(
    ("written", "other", "reason"),
    [
        ("K3BNRELU(3,8,2,1)", "K5BNRELU(3,8,2,1)", "initial structure"),
        ("(3,8,2,1)", "(3,8,1,1)", "initial structure"),
        ("(128,2048,1,1)", "(128,1024,1,1)", "initial structure"),
        ("(8,32,2,8,1)", "(8,32,1,8,1)", "strides"),
        ("SuperResIDWE6K3(8", "SuperResK3K3(8", "other kinds"),
        ("(8,32,2,8,1)", "(8,32,2,12,1)", "multiples of 8"),
        ("(8,32,2,8,1)", "(8,32,2,4096,1)", "up to 2048"),
        ("(8,32,2,8,1)", "(8,32,2,8,6)", "split"),
        ("(8,32,2,8,1)", "(8,32,2,8,1)" + 4 * "SuperResIDWE6K3(32,32,1,8,1)", "up to 4"),
        ("(8,32,2,8,1)", "(8,32,2,8,5)SuperResIDWE6K3(32,32,1,8,5)", "up to 14"),
    ],
)
def test_what_lies_outside(written: str, other: str, reason: str) -> None:
    text = PUBLISHED.replace(written, other)
    assert text != PUBLISHED
    with pytest.raises(InvalidArgument, match=reason):
        Stages().decode(text)
    outside = _backbone_text.decode(text)
    assert outside not in Stages()
    for refused in (Stages().parameters, lambda a: Stages().mutate(a, np.random.default_rng(0))):
        with pytest.raises(InvalidArgument, match=reason):
            refused(outside)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "3",
        '{"stem": 1, "stages": [], "head": 2}',
        JSON[1:],
        JSON.replace('"kind"', '"sort"'),
        JSON.replace('"head"', '"tail"'),
        JSON.replace("SuperRes", "Super"),
        JSON.replace('"stride": 1', '"stride": 1.5'),
    ],
)
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="pass"):
        Backbone.from_json(text)


def test_impossible_backbones() -> None:
    block = SuperBlock("SuperResK3K3", 8, 1, 8, 1)
    strided = SuperBlock("SuperResK3K3", 8, 2, 8, 1)
    for stages in ((), ((),), ((block,), (block,)), ((block, strided),)):
        with pytest.raises(InvalidArgument, match="stages="):
            Backbone(STEM, stages, HEAD)
    with pytest.raises(InvalidArgument, match="pass positive integers"):
        SuperBlock("SuperResK3K3", 8, 0, 8, 1)
    with pytest.raises(InvalidArgument, match="kind="):
        Convolution("SuperResK3K3", 8)


@pytest.mark.parametrize(
    "settings",
    [
        {"classes": 0},
        {"kinds": ()},
        {"kinds": ("SuperResK9K9",)},
        {"max_channels": 8},
        {"max_channels": 100},
        {"max_layers": 5},
        {"blocks_per_stage": 0},
        {"initial": "huge"},
        {"initial": PUBLISHED, "kinds": XXBL},
        {"initial": one_block("SuperResK3K3")},
        {"max_channels": 64},
        {"max_channels": 128, "head_varies": True},
    ],
)
def test_impossible_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="pass"):
        Stages(**settings)


def test_presets_take_allowed_kinds() -> None:
    assert {block.kind for block in Stages(kinds=XXBL).initial.blocks} == {XXBL[0]}
    assert Stages("imagenet").initial == Stages(PUBLISHED).initial
    network: Any = Stages("small_images").build(Stages("small_images").initial)
    assert network.head(network.blocks(network.stem(torch.randn(2, 3, 32, 32)))).shape[2:] == (4, 4)


def test_names_tell_settings_apart() -> None:
    settings: list[dict[str, Any]] = [
        {},
        *({"initial": name} for name in PRESETS if name != "imagenet"),
        {"kinds": XXBL},
        {"kinds": IDW[3:]},
        {"classes": 10},
        {"residual": False},
        {"squeeze_excite": True},
        {"max_layers": None},
        {"max_channels": 1024},
        {"blocks_per_stage": 3},
        {"head_varies": True},
    ]
    assert len({Stages(**each).name for each in settings}) == len(settings)


def test_a_space_travels_between_processes() -> None:
    space = pickle.loads(pickle.dumps(SPACE.plain))
    assert space.name == SPACE.plain.name
    assert space.initial == SPACE.initial


def test_mutation_is_uniform() -> None:
    """Every combination but the present one, equally often."""
    kinds = (IDW[0], IDW[-1])
    small = Backbone(STEM, ((SuperBlock(kinds[0], 8, 1, 8, 1),),), HEAD)
    space, rng = Stages(small, kinds=kinds, max_channels=16), np.random.default_rng(0)
    neighbours = Counter(space.mutate(small, rng) for _ in range(6000))
    stems = Counter({a: n for a, n in neighbours.items() if a.stem != small.stem})
    assert [a.stem.channels for a in stems] == [16]
    assert abs(stems.total() - 3000) < 200
    blocks = {a.blocks[0]: n for a, n in neighbours.items() if a.stem == small.stem}
    possible = product(kinds, (8, 16), (8, 16), (1, 2, 3))
    wanted = {SuperBlock(kind, c, 1, middle, n) for kind, c, middle, n in possible}
    assert set(blocks) == wanted - set(small.blocks)
    assert stats.chisquare(list(blocks.values())).pvalue > 0.01


def test_mutation_draws_kinds_evenly() -> None:
    """The authors' code lists E1K3 504 times here and E6K7 84 times: six to one."""
    space = Stages()
    options = choices(space.initial, 0, space.limits)
    assert len(options["kind"]) == 12
    assert len(options["channels"]) * len(options["bottleneck"]) * len(options["layers"]) == 42
    rng = np.random.default_rng(0)
    kinds: Counter[str] = Counter()
    for _ in range(4000):
        neighbour = space.mutate(space.initial, rng)
        kinds.update(a.kind for a, b in zip(neighbour.blocks, space.initial.blocks, strict=True)
                     if a != b)  # fmt: skip
    assert set(kinds) == set(IDW)
    assert stats.chisquare(list(kinds.values())).pvalue > 0.01
    assert 0.8 < kinds["SuperResIDWE1K3"] / kinds["SuperResIDWE6K7"] < 1.25


def test_mutated_channels_are_the_published_multiples() -> None:
    space = Stages(max_channels=160)
    options = choices(space.initial, 2, space.limits)
    assert options["channels"] == (40, 48, 64, 80, 96, 120, 144)
    assert options["bottleneck"] == (16, 24, 32, 40, 48, 64, 72, 96, 120)


def changed(old: Backbone, new: Backbone) -> int:
    """Place of the first part that differs."""
    return [one != other for one, other in zip(old.parts, new.parts, strict=False)].index(True)


@pytest.mark.parametrize(
    ("limits", "splits"),
    [
        ({}, True),
        ({"head_varies": True, "max_layers": None}, True),
        ({"max_layers": 8}, False),
        ({"blocks_per_stage": 1, "max_layers": None}, False),
    ],
)
def test_mutation_stays_inside_and_splits(limits: dict[str, Any], splits: bool) -> None:
    """A walk: one part differs, or one became two of three and more sub-layers."""
    space, rng = Stages(**limits), np.random.default_rng(0)
    architecture, places, split = space.initial, set(), 0
    for _ in range(400):
        neighbour = space.mutate(architecture, rng)
        assert neighbour in space
        place = changed(architecture, neighbour)
        if len(neighbour.parts) == len(architecture.parts):
            assert neighbour.parts[place + 1 :] == architecture.parts[place + 1 :]
        else:
            split += 1
            first, second = neighbour.parts[place : place + 2]
            assert second == replace(first, stride=1, layers=second.layers)
            assert (first.layers, first.stride) == (3, architecture.parts[place].stride)
            assert second.layers in (3, 4)
            assert neighbour.parts[place + 2 :] == architecture.parts[place + 1 :]
        places.add(place)
        architecture = neighbour
    assert (split > 0) == splits
    assert set(range(5)) <= places


def test_only_a_head_that_varies_is_mutated() -> None:
    rng, fixed, free = np.random.default_rng(0), Stages(), Stages(head_varies=True)
    heads = [{s.mutate(s.initial, rng).head.channels for _ in range(200)} for s in (fixed, free)]
    assert heads == [{2048}, {2048, 1640, 1368, 1024, 816}]


def test_samples_are_uniform() -> None:
    rng, space = np.random.default_rng(0), Stages(max_layers=None)
    drawn = [space.sample(rng) for _ in range(300)]
    stages = [stage for architecture in drawn for stage in architecture.stages]
    blocks = [block for stage in stages for block in stage]
    for values in ([len(s) for s in stages], [b.layers for b in blocks], [b.kind for b in blocks]):
        assert stats.chisquare(list(Counter(values).values())).pvalue > 0.01
    # Each whole number reaches half a unit to both sides.
    logarithms = np.log([block.channels / 8 for block in blocks])
    assert np.mean(logarithms) == pytest.approx((np.log(0.5) + np.log(256.5)) / 2, rel=0.03)


def test_samples_keep_to_the_limit_and_every_stage_gets_its_share() -> None:
    rng, space = np.random.default_rng(0), Stages(max_layers=10)
    drawn = [space.sample(rng) for _ in range(200)]
    assert all(architecture in space for architecture in drawn)
    means = np.mean([[sum(b.layers for b in s) for s in a.stages] for a in drawn], axis=0)
    assert means.min() > 0.7 * means.max()


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("bottleneck", [8, 16])
@pytest.mark.parametrize("kind", [IDW[3], XXBL[0], XXBL[4]])
def test_equal_super_blocks_in_a_row_are_one(kind: str, bottleneck: int, residual: bool) -> None:
    """Without links; with them where each link is projected anyway."""
    block = SuperBlock(kind, 16, 2, bottleneck, 5)
    other = SuperBlock(kind, 16, 1, 24, 1)
    whole = Backbone(STEM, ((block, other),), HEAD)
    again = replace(block, stride=1, layers=3)
    split = Backbone(STEM, ((replace(block, layers=2), again, other),), HEAD)
    space = Stages(whole, kinds=(kind,), classes=3, residual=residual)
    alike = space.build(split).state_dict().keys() == space.build(whole).state_dict().keys()
    assert alike == (not residual or (kind in IDW and bottleneck == 8))
    assert space.canonical(split) == (whole if alike else split)
    if alike:
        first, second = space.build(split), space.build(whole)
        second.load_state_dict(first.state_dict())
        x = torch.randn(2, 3, 8, 8)
        assert torch.equal(first(x), second(x))


def test_a_study_finds_an_architecture_again() -> None:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=3))
    wanted = SPACE.sample(np.random.default_rng(3))
    study.enqueue_trial(SPACE.parameters(wanted))
    seen = []

    def objective(trial: optuna.Trial) -> float:
        architecture = SPACE.suggest(trial)
        assert architecture in SPACE
        seen.append(architecture)
        return float(SPACE.params(architecture))

    study.optimize(objective, n_trials=8)
    assert seen[0] == wanted
    distributions: dict[str, Any] = {}
    for trial in study.trials:
        for name, distribution in trial.distributions.items():
            assert distributions.setdefault(name, distribution) == distribution


@pytest.mark.parametrize("space", [SPACE, SPACE.plain, Stages("small_images", classes=10)])
def test_scores(space: Stages) -> None:
    rng = np.random.default_rng(0)
    pool = [space.initial, space.mutate(space.initial, rng), space.mutate(space.initial, rng)]
    for scorer in (recipes.az_nas, recipes.zen_nas):
        table = scorer((3, 32, 32), batch_size=4, device="cpu").score(
            pool, space=space, show_progress=False
        )
        assert np.isfinite(table.values).all()
