"""Spaces as JSON holds them: the same space again, and no code run that a file names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.search.chains import Chains
from zc_plugins import ModuleSpace
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._record import recorded_space, space_record
from zc_plugins.spaces.darts import Darts
from zc_plugins.spaces.nasbench101 import NasBench101
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.spaces.ofa_mobilenetv3 import OfaMobileNetV3
from zc_plugins.spaces.stages import XXBL, Stages
from zc_plugins.spaces.transnasbench101_macro import TransNasBench101Macro
from zc_plugins.spaces.transnasbench101_micro import TransNasBench101Micro
from zc_plugins.spaces.transnasbench101_micro_small import TransNasBench101MicroSmall
from zc_plugins.spaces.vit import Ranges, VitSpace

SPACES: list[Any] = [
    Darts(16, 5, 3, affine=False),
    NasBench101(32, 2, 2, 7),
    NasBench201(4, 1, 3),
    OfaMobileNetV3(7),
    Stages(),
    Stages("small_images", kinds=XXBL, classes=3, squeeze_excite=True, max_layers=None),
    Stages(blocks_per_stage=2, max_channels=512, head_varies=False).plain,
    Stages("small_images", head_varies=True),
    TransNasBench101Macro(8, 3),
    TransNasBench101Micro(8, 3),
    TransNasBench101MicroSmall(8, 3),
    VitSpace("small", image_size=64, patch_size=8, classes=3),
]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name[:40])
def test_a_space_comes_back(space: Any) -> None:
    again = recorded_space(json.loads(json.dumps(space_record(space))))
    assert type(again) is type(space)
    assert again.name == space.name


def test_others_have_no_record() -> None:
    own = Ranges((8,), (1,), (1,), (1.0,))
    for space in (Chains(), ModuleSpace(lambda trial: None), VitSpace(own)):
        assert space_record(space) is None


RECORDS: list[Any] = [
    {"class": "subprocess.Popen", "arguments": {"args": ["true"]}},
    {"class": "zc_plugins.spaces.stages.copy", "arguments": {}},
    {"class": "zc_plugins.spaces.stages.Backbone", "arguments": {}},
    {"class": "zc_plugins.spaces.stages.np.save", "arguments": {}},
    {"class": "zc_plugins.spaces._backbone.Backbone", "arguments": {}},
    {"class": "zc_plugins.spaces.nasbench201.Cell", "arguments": {"operations": ["none"] * 6}},
    {"class": "zc_plugins.spaces.nasbench201.NasBench201", "arguments": {"depth": 3}},
    {"class": "zc_plugins.spaces.nasbench201.NasBench201"},
    {"class": "zc_plugins.spaces.missing.Space", "arguments": {}},
    {},
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.get("class")))
def test_only_spaces_of_this_package_are_made(record: Any) -> None:
    with pytest.raises(InvalidArgument, match="pass the space"):
        recorded_space(record)
