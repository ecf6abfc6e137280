"""Plots and the dashboard name the extra that installs what they draw with."""

from __future__ import annotations

import sys
from typing import Any

import optuna
import pytest

from zc_plugins.errors import MissingExtra
from zc_plugins.optuna.dashboard import show_in_dashboard
from zc_plugins.report import visualization
from zc_plugins.report.visualization import matplotlib as twin

from .test_visualization import table


@pytest.mark.parametrize(
    ("module", "extra", "use"),
    [
        ("plotly.graph_objects", "report", lambda: visualization.plot_layer_profile(table())),
        ("matplotlib.figure", "report", lambda: twin.plot_layer_profile(table())),
        ("optuna_dashboard", "dashboard", lambda: show_in_dashboard(optuna.create_study())),
    ],
)
def test_the_extra_is_named(
    module: str, extra: str, use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"zc-plugins\[{extra}\]"):
        use()
