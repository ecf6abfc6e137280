"""Plots of a table: both libraries show the table's own numbers, and names as texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zc_plugins.errors import InvalidArgument
from zc_plugins.report import visualization
from zc_plugins.report.chart import COLOURS, GREY, Chart, Panel, Series
from zc_plugins.report.in_matplotlib import in_matplotlib
from zc_plugins.report.in_plotly import in_plotly
from zc_plugins.report.visualization import matplotlib as twin
from zc_plugins.scores import ScoreTable

pytest.importorskip("plotly", reason="plotly is not installed: pip install -e '.[report]'")

HOSTILE = "<script>alert(1)</script> $x$ <b>\x1b[1m"


def table(candidates: int = 3, key: str = "net") -> ScoreTable:
    """Two proxies with vectors of 2, 3, ... layers, and one of the whole network."""
    layers = [np.arange(1.0, 3 + row) * (row + 1) for row in range(candidates)]
    sums = [vector.sum() for vector in layers]
    return ScoreTable(
        [f"{key} {row}" for row in range(candidates)],
        np.stack([sums, sums, sums], axis=1),
        ["expressivity", "trainability", "params"],
        layers={
            "expressivity": layers,
            "trainability": [-vector for vector in layers],
            "params": [vector[:1] for vector in layers],
        },
        layer_names={"expressivity": [tuple(f"conv{n}" for n in range(len(v))) for v in layers]},
    )


def shown_by_plotly(figure: Any) -> dict[str, list[tuple[list[float], list[float]]]]:
    found: dict[str, list[tuple[list[float], list[float]]]] = {}
    for trace in figure.data:
        found.setdefault(trace.yaxis or "y", []).append((list(trace.x), list(trace.y)))
    return found


def shown_by_matplotlib(figure: Any) -> dict[str, list[tuple[list[float], list[float]]]]:
    return {
        "y" + (str(place) if place > 1 else ""): [
            (line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes.lines
        ]
        for place, axes in enumerate(figure.axes, start=1)
    }


def test_both_libraries_show_the_vectors() -> None:
    scores = table()
    shown = shown_by_plotly(visualization.plot_layer_profile(scores))
    assert shown == shown_by_matplotlib(twin.plot_layer_profile(scores))
    # Not the panel of the whole network; the best candidate, of most layers, on top.
    assert list(shown) == ["y", "y2"]
    assert shown["y"][-1] == ([1, 2, 3, 4], [3, 6, 9, 12])
    assert shown["y2"][0] == ([1, 2], [-1, -2])


def test_layers_are_named_where_one_points() -> None:
    figure = visualization.plot_layer_profile(table())
    assert figure.data[0].text[1] == "net 0<br>conv1<br>2"
    assert figure.data[3].text[1] == "net 0<br>-2"


def test_those_in_colour() -> None:
    chosen = visualization.plot_layer_profile(table(), candidates=["net 1"])
    assert [trace.line.color for trace in chosen.data[:3]] == [GREY, GREY, COLOURS[0]]
    assert [t.name for t in chosen.data if t.showlegend] == ["others", "1: net 1"]
    many = visualization.plot_layer_profile(table(9))
    assert len({trace.line.color for trace in many.data}) == 6
    assert many.data[8].line.color == COLOURS[0]
    assert many.data[8].y[-1] == max(trace.y[-1] for trace in many.data[:9])


@pytest.mark.parametrize("plot", [visualization.plot_layer_profile, twin.plot_layer_profile])
def test_what_is_wrong_is_told(plot: Any) -> None:
    with pytest.raises(InvalidArgument, match="no candidate 'x'"):
        plot(table(), candidates=["x"])
    with pytest.raises(InvalidArgument, match="at most 8"):
        plot(table(9), candidates=[f"net {row}" for row in range(9)])


def test_a_table_without_layers_is_an_empty_figure() -> None:
    bare = ScoreTable(["a"], [[1.0]], ["params"])
    for plot, drawn in (
        (visualization.plot_layer_profile, lambda figure: figure.data),
        (twin.plot_layer_profile, lambda figure: figure.axes),
    ):
        with pytest.warns(UserWarning, match="no proxy"):
            assert not drawn(plot(bare))


def hostile() -> Chart:
    x = np.array([0.0, 1.0])
    series = Series(HOSTILE, x, x, lined=True, band=(x - 1, x + 1), texts=[HOSTILE, HOSTILE])
    return Chart(HOSTILE, [Panel(HOSTILE, HOSTILE, HOSTILE, [series], level=0.5)])


def test_names_are_texts_in_plotly() -> None:
    text = in_plotly(hostile()).to_json()
    assert "\\u003c" not in text
    assert "<" not in text.replace("<br>", "")
    assert "$" not in text
    assert "\x1b" not in text
    assert text.count("&lt;script&gt;") >= 6


def test_names_are_texts_in_matplotlib(tmp_path: Any) -> None:
    """A formula of one dollar, or a name that is none, would stop the drawing."""
    figure = in_matplotlib(Chart("$x", [Panel("$", "$", "$", [Series("$", *np.eye(2))])]))
    figure.savefig(tmp_path / "figure.png")
    in_matplotlib(hostile()).savefig(tmp_path / "hostile.png")
    assert figure.get_suptitle() == "$x"
    assert not figure.axes[0].title.get_parse_math()


def test_a_name_has_one_entry_in_the_legend() -> None:
    x = np.array([0.0, 1.0])
    panel = Panel("", "", "", [Series("both", x, x), Series("", x, -x)])
    chart = Chart("two", [panel, panel], columns=1)
    assert [trace.showlegend for trace in in_plotly(chart).data] == [True, False, False, False]
    (legend,) = in_matplotlib(chart).legends
    assert [text.get_text() for text in legend.get_texts()] == ["both"]
    assert (chart.rows, chart.across) == (2, 1)
