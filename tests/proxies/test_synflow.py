"""SynFlow's logarithm where the flow itself leaves float64."""

from __future__ import annotations

import numpy as np
import pytest

from zc_plugins.errors import Degenerate, Unscorable
from zc_plugins.proxies.synflow import log_total


def test_log_of_the_sum() -> None:
    assert log_total(np.array([1.0, 2.0, 5.0])) == pytest.approx(np.log(8.0))


def test_the_sum_may_be_beyond_float64() -> None:
    wanted = np.log(1.5) + 308 * np.log(10) + np.log(2)
    assert log_total(np.array([1.5e308, 1.5e308])) == pytest.approx(wanted)


@pytest.mark.parametrize("beyond", [np.inf, np.nan])
def test_a_layer_beyond_float64_is_no_fault_of_the_network(beyond: float) -> None:
    with pytest.raises(Unscorable, match="beyond float64") as raised:
        log_total(np.array([1.0, beyond]))
    assert not isinstance(raised.value, Degenerate)


@pytest.mark.parametrize("flows", [[0.0, 0.0], []])
def test_no_flow_is_degenerate(flows: list[float]) -> None:
    with pytest.raises(Degenerate, match="no signal"):
        log_total(np.array(flows))
