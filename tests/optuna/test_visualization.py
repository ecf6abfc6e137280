"""Plots of a study: what they show is what ``trust`` says of it."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState, create_trial

from zc_plugins.optuna import ZeroCostSampler, trust, visualization
from zc_plugins.optuna._stored import stored_scores
from zc_plugins.optuna.visualization import matplotlib as twin

from .builders import build_mlp, size_scorer

pytest.importorskip("plotly", reason="plotly is not installed: pip install -e '.[report]'")

PLOTS = ("plot_zero_cost_scores", "plot_trust")


def study_of(
    rows: list[tuple[float, dict[str, Any]]], direction: str = "maximize", **attributes: Any
) -> optuna.Study:
    """Complete trials of these values and user attributes."""
    study = optuna.create_study(direction=direction)
    for value, scores in rows:
        study.add_trial(create_trial(value=value, user_attrs=scores))
    for name, content in attributes.items():
        study.set_user_attr(name, content)
    return study


def scored(count: int = 12) -> list[tuple[float, dict[str, Any]]]:
    """naswot is always right, trainability never, snip is constant."""
    return [
        (float(n), {"zc_naswot": n + 0.5, "zc_trainability": -float(n), "zc_snip": 1.0})
        for n in range(count)
    ]


def titles(figure: Any) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


def test_a_panel_for_each_with_its_tau() -> None:
    study = study_of(scored())
    told = trust(study)
    shown = titles(visualization.plot_zero_cost_scores(study))
    assert [title.split("<br>")[0] for title in shown] == [
        "ensemble", "naswot", "snip", "trainability",
    ]  # fmt: skip
    low, high = told.proxies["naswot"].interval
    assert (
        shown[1] == f"naswot<br>tau {told.proxies['naswot'].estimate:.2f} ({low:.2f} to {high:.2f})"
    )
    assert told.proxies["naswot"].tau == pytest.approx(1)
    assert told.proxies["trainability"].tau == pytest.approx(-1)
    assert shown == [
        axes.get_title().replace("\n", "<br>") for axes in twin.plot_zero_cost_scores(study).axes
    ]


def test_points_are_the_trials() -> None:
    study = study_of([*scored(5), (7.0, {"zc_note": "snip: no", "zc_naswot": 9.0})])
    figure = visualization.plot_zero_cost_scores(study)
    # The third panel is snip's, which could not score the best one.
    points = {trace.name: trace for trace in figure.data if trace.yaxis == "y3"}
    assert set(points) == {"trained", "not scored", "best"}
    assert list(points["trained"].x) == pytest.approx([4 / 6] * 5)
    assert (list(points["not scored"].x), list(points["not scored"].y)) == ([0], [7])
    assert points["best"].text == ("trial 5<br>value (higher is better): 7<br>not scored",)
    naswot = next(t for t in figure.data if t.yaxis == "y2" and t.name == "trained")
    np.testing.assert_allclose(naswot.x, np.arange(1, 7) / 6)
    assert list(naswot.y) == [0, 1, 2, 3, 4, 7]


def test_a_long_study_is_thinned_but_for_its_best() -> None:
    rows = scored(1500)
    rows[1] = (2000.0, rows[1][1])
    figure = visualization.plot_zero_cost_scores(study_of(rows))
    assert "1000 of 1500 trials" in figure.layout.title.text
    trained = next(trace for trace in figure.data if trace.name == "trained")
    assert 1000 <= len(trained.x) <= 1001
    assert next(list(trace.y) for trace in figure.data if trace.name == "best") == [2000]


def test_lower_is_better() -> None:
    study = study_of([(-value, scores) for value, scores in scored()], "minimize")
    figure = visualization.plot_zero_cost_scores(study)
    best = next(trace for trace in figure.data if trace.name == "best")
    assert list(best.y) == [-11]
    assert figure.layout.yaxis.title.text == "value (lower is better)"
    assert trust(study).proxies["naswot"].tau == pytest.approx(1)


def test_trust_ends_at_what_is_told_now() -> None:
    study = study_of(scored(80))
    told = trust(study)
    figure = visualization.plot_trust(study)
    lines = {trace.name: trace for trace in figure.data if trace.yaxis == "y" and trace.name}
    for name, belief in {"ensemble": told.ensemble, **told.proxies}.items():
        assert lines[name].y[-1] == belief.estimate
        assert (lines[name].x[0], lines[name].x[-1]) == (0, 80)
        assert len(lines[name].x) <= 60
    band = figure.data[[trace.fill for trace in figure.data].index("toself")]
    half = len(band.y) // 2
    assert (band.y[half], band.y[half - 1]) == told.ensemble.interval
    say = next(trace for trace in figure.data if trace.yaxis == "y2")
    assert say.y[-1] == told.ensemble.weight


@pytest.mark.parametrize("plot", PLOTS)
def test_both_libraries_draw_the_same(plot: str) -> None:
    study = study_of(scored(7))
    theirs = getattr(visualization, plot)(study)
    ours = getattr(twin, plot)(study)
    assert theirs.layout.title.text == ours.get_suptitle()
    for place, axes in enumerate(ours.axes, start=1):
        axis = f"y{place}" if place > 1 else "y"
        drawn = [t for t in theirs.data if t.yaxis == axis and t.fill is None]
        # matplotlib's line at zero stands last.
        for trace, line in zip(drawn, axes.lines, strict=False):
            np.testing.assert_array_equal(trace.x, line.get_xdata())
            np.testing.assert_array_equal(trace.y, line.get_ydata())
        assert len(axes.lines) - len(drawn) == (plot == "plot_trust" and place == 1)


def test_trust_goes_by_the_order_in_which_trials_ended() -> None:
    study = optuna.create_study(direction="maximize")
    now = datetime.datetime(2026, 1, 1)
    for place, (value, scores) in enumerate(scored(4)):
        # The first by number is the last to end, and contradicts the score.
        trial = create_trial(value=value if place else 9.0, user_attrs=scores)
        trial.datetime_start = now - datetime.timedelta(hours=1)
        trial.datetime_complete = now - datetime.timedelta(minutes=place)
        study.add_trial(trial)
    lines = {t.name: list(t.y) for t in visualization.plot_trust(study).data if t.yaxis == "y"}
    assert lines["naswot"][2] < lines["naswot"][3] > lines["naswot"][4]


def test_parameter_count_is_a_baseline() -> None:
    sampler = ZeroCostSampler(RandomSampler(seed=0), build_mlp, size_scorer())
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(lambda trial: build_mlp(trial).out_features, n_trials=4)
    assert [t.split("<br>")[0] for t in titles(visualization.plot_zero_cost_scores(study))] == [
        "ensemble", "complexity", "params",
    ]  # fmt: skip
    # Beside other scores it is a cost.
    costly = study_of([(v, {**s, "zc_params": v}) for v, s in scored(4)])
    for plot in PLOTS:
        told = str(getattr(visualization, plot)(costly).to_dict())
        assert "params (baseline)" in told


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("attributes", [{}, {"zc_note": "none"}, {"zc_percentile": 0.5}])
def test_a_study_without_scores_is_an_empty_figure(plot: str, attributes: dict[str, Any]) -> None:
    study = study_of([(1.0, attributes)])
    assert trust(study).ensemble.trained == 0
    study.add_trial(create_trial(state=TrialState.PRUNED, user_attrs={"zc_naswot": 1.0}))
    with pytest.warns(UserWarning, match="no complete trial"):
        assert not getattr(visualization, plot)(study).data
    with pytest.warns(UserWarning, match="no complete trial"):
        assert not getattr(twin, plot)(study).axes


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_trials_and_values_that_diverged(plot: str, count: int) -> None:
    rows = [*scored(count), (float("inf"), {"zc_naswot": 0.0, "zc_note": "snip: no"})]
    study = study_of(rows)
    assert "Infinity" not in getattr(visualization, plot)(study).to_json()
    getattr(twin, plot)(study).canvas.draw()


def test_several_objectives_go_by_the_first() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    for value, scores in scored(4):
        study.add_trial(create_trial(values=[value, -value], user_attrs=scores))
    assert trust(study).proxies["trainability"].tau == pytest.approx(1)
    figure = visualization.plot_zero_cost_scores(study)
    assert figure.layout.yaxis.title.text == "value (lower is better)"
    assert next(list(trace.y) for trace in figure.data if trace.name == "best") == [0]


def test_stored_scores_are_those_of_the_reference_or_of_the_shelf() -> None:
    def names(study: optuna.Study) -> list[str]:
        return [proxy.name for proxy in stored_scores(study, study.trials).proxies]

    rows = [(1.0, {"zc_own": 1.0, "zc_naswot": 2.0, "zc_params": 3.0, "zc_note": "x"})]
    assert names(study_of(rows)) == ["naswot"]
    kept = '{"proxies": ["own", "params"], "higher_is_better": [false, true]}'
    study = study_of(rows, zc_reference=kept)
    assert names(study) == ["own", "params"]
    assert not stored_scores(study, []).proxies[0].higher_is_better
    for broken in ("{", "[]", '{"proxies": 1}', 3):
        assert names(study_of(rows, zc_reference=broken)) == ["naswot"]
