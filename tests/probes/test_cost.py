"""The cost probe reads what is asked for, on the meta device, and changes nothing."""

from __future__ import annotations

import pytest

from tests import zoo
from zc_plugins.errors import InputShapeMismatch
from zc_plugins.probes import Excitation
from zc_plugins.probes.cost import CostEvidence, cost
from zc_plugins.proxies.complexity import count_flops
from zc_plugins.proxies.params import count_params
from zc_plugins.testing import check_probe, count_synchronisations


@pytest.mark.parametrize("name", ["plain_cnn", "shared", "caching"])
def test_no_fingerprint(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    check_probe(cost, [count_flops, count_params], model=build(), input_shape=shape)


def test_parameters_need_no_forward() -> None:
    evidence = CostEvidence(zoo.plain_cnn(), Excitation((5, 8, 8)))
    assert evidence.params == sum(p.numel() for p in zoo.plain_cnn().parameters())
    with pytest.raises(InputShapeMismatch):
        _ = evidence.flops


def test_reading() -> None:
    with count_synchronisations() as synchronisations:
        reading = cost(
            zoo.plain_cnn(), Excitation((3, 8, 8)), [count_params, lambda e: None], seed=0
        )
    assert synchronisations.count <= 1
    assert reading.layers == ("network",)
    ((name, number),), skipped = reading.statistics
    assert (name, float(number)) == (
        "network",
        CostEvidence(zoo.plain_cnn(), Excitation((3,))).params,
    )
    assert skipped == ()
