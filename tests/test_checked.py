"""Calls inside the package are checked against their annotations, with shapes and without."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zc_plugins.ranking import kendall_tau
from zc_plugins.spaces.nasbench201 import NasBench201


def test_wrong_arguments_are_told() -> None:
    text: Any = 3
    with pytest.raises(TypeError, match="violates type hint"):
        NasBench201().decode(text)
    with pytest.raises(TypeError, match="Type-check error"):
        kendall_tau(np.zeros((2, 2)), np.zeros(2))
