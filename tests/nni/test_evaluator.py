"""Scores instead of training, under NNI's own strategies."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import json_tricks
import nni
import numpy as np
import pytest
import torch

from zc_plugins import recipes
from zc_plugins.errors import InvalidArgument, ReferenceMismatch
from zc_plugins.nni import NniSpace, ZeroCostEvaluator
from zc_plugins.nni.report import sample_text, told

from .spaces import SHAPE, Nested, Unbuildable, size


def strategies() -> dict[str, Callable[[], Any]]:
    from nni.nas.strategy import TPE, GridSearch, PolicyBasedRL, Random, RegularizedEvolution

    return {
        "random": lambda: Random(seed=0),
        "grid": lambda: GridSearch(seed=0),
        "evolution": lambda: RegularizedEvolution(population_size=3, sample_size=2, seed=0),
        "tpe": lambda: TPE(seed=0),
        "reinforcement": lambda: PolicyBasedRL(samples_per_update=3),
    }


@pytest.mark.parametrize("strategy", strategies())
def test_metrics_are_percentiles(run: Callable[..., Any], strategy: str) -> None:
    if strategy == "reinforcement":
        pytest.importorskip("tianshou", reason="pip install tianshou==0.4.11 gym==0.26.2")
    scorer, space = recipes.az_nas(SHAPE, batch_size=4, device="cpu"), Nested()
    own = NniSpace(space)
    reference = scorer.reference(own, size=12)
    evaluator = ZeroCostEvaluator(scorer, space, reference=reference)
    experiment = run(space, evaluator, strategies()[strategy](), 6)
    models = experiment.export_top_models(6)
    assert len(models) == 6
    table = scorer.score([own.of(m.sample) for m in models], space=own)
    np.testing.assert_array_equal(
        [m.metric for m in models], scorer.against(reference).percentile(table)
    )
    assert models == sorted(models, key=lambda m: -m.metric)
    assert 0 <= min(m.metric for m in models) < max(m.metric for m in models) <= 1


def test_the_report_tells_scores_and_sample() -> None:
    model = _mocked(Nested())
    report = model.metrics.final
    assert report is not None
    scores = model.reported[0]
    assert {"default", "zc_params", "zc_complexity", "zc_sample"} == scores.keys()
    assert json.loads(scores["zc_sample"]) == model.sample


def _mocked(space: Any) -> Any:
    """A model that was run alone, with all that it reported."""
    from nni.nas.space import SimplifiedModelSpace

    evaluator = ZeroCostEvaluator(size(), space, reference_size=8)
    whole = SimplifiedModelSpace.from_model(space, evaluator)
    model = whole.random(random_state=np.random.RandomState(0))
    reported: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nni, "get_current_parameter", lambda: model)
        patch.setattr(nni, "report_final_result", reported.append)
        model.metrics.final = evaluator.evaluate(model.executable_model())
    model.reported = reported
    return model


def test_what_cannot_be_built_gets_zero_and_the_experiment_goes_on(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from nni.nas.strategy import GridSearch

    reports: list[Any] = []
    report = nni.report_final_result
    monkeypatch.setattr(nni, "report_final_result", lambda r: (reports.append(r), report(r)))
    space = Unbuildable()
    experiment = run(space, ZeroCostEvaluator(size(), space, reference_size=30), GridSearch(), 27)
    models = experiment.export_top_models(27)
    assert len(models) == 27
    for model in models:
        assert (model.metric == 0) == (model.sample["width"] == 16)
    notes = {r["zc_note"] for r in reports if r["default"] == 0}
    assert len(notes) == 1
    note = notes.pop()
    assert "width 16 No. does not fit / / at all" in note


TEXTS = ["a # b", "https://x", "#", "//", 'a " # \\ // b', 'q"#', '\\\\"//', "\n# y", "☃#"]


def through_nni(content: Any) -> Any:
    """As a report comes from a trial: a text within a text within a text."""
    inner = nni.load(nni.dump({"metric": nni.dump({"value": nni.dump(content)})}))
    return nni.load(nni.load(inner["metric"])["value"])


@pytest.fixture
def comments(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader of a process of NNI's that has not imported this package."""
    monkeypatch.setattr(json_tricks.nonp, "strip_comments", json_tricks.comment.strip_comments)


@pytest.mark.parametrize("text", TEXTS)
def test_reports_survive_the_reader_of_nni(text: str, comments: None) -> None:
    sample = {text: 1, "x": text}
    report = told(0.5, {"zc_note": text, "zc_params": 3.0, "zc_sample": sample_text(sample)})
    assert through_nni(report) == report
    assert json.loads(report["zc_sample"]) == sample
    assert report["zc_note"].count("x") == text.count("x")


@pytest.mark.parametrize("text", TEXTS)
def test_parameters_survive_the_reader_of_nni(text: str) -> None:
    sample = {text: 1, "x": [text, {"y": text}]}
    assert through_nni(sample) == sample


def test_comments_are_still_comments() -> None:
    text = '{"a": "b//c", // one\n # two\n"d": 1} # "three"'
    assert nni.load(text) == {"a": "b//c", "d": 1}


def test_round_trip_through_json() -> None:
    space = Nested()
    evaluator = ZeroCostEvaluator(size(), space, reference_size=20)
    again = nni.load(nni.dump(evaluator))
    assert isinstance(again, ZeroCostEvaluator)
    own = NniSpace(space)
    for seed in range(5):
        sample = own.sample_of(own.sample(np.random.default_rng(seed)))
        assert again._judge.verdict(sample) == evaluator._judge.verdict(sample)
    assert repr(again) == repr(evaluator) == "ZeroCostEvaluator(proxies=['params', 'complexity'])"


def test_a_scorer_that_cannot_travel_is_refused() -> None:
    space = Nested()
    scorer = recipes.zico(SHAPE, inputs=torch.zeros(70_000_000 // 4 // 192, *SHAPE))
    evaluator = ZeroCostEvaluator(scorer, space, reference=_anything(scorer, space))
    with pytest.raises(InvalidArgument, match="cannot be sent"):
        nni.dump(evaluator)


def _anything(scorer: Any, space: Any) -> Any:
    from zc_plugins.reference import Reference
    from zc_plugins.scores import ScoreTable

    table = ScoreTable(["a"], np.ones((1, 1)), ["zico"], [True])
    return Reference(NniSpace(space).name, scorer.settings, table)


def test_a_reference_of_another_space_is_refused() -> None:
    reference = size().reference(NniSpace(Nested((4, 8))), size=4)
    with pytest.raises(ReferenceMismatch, match="NniSpace"):
        ZeroCostEvaluator(size(), Nested(), reference=reference)


def test_outside_of_a_run() -> None:
    from nni.nas.space import SimplifiedModelSpace

    space = Nested()
    model = SimplifiedModelSpace.from_model(space).random(random_state=np.random.RandomState(0))
    with pytest.raises(InvalidArgument, match="outside of a run"):
        ZeroCostEvaluator(size(), space, reference_size=4).evaluate(model.executable_model())


@pytest.mark.slow
@pytest.mark.parametrize("space", ["hub", "own"])
def test_on_the_training_service(nni_home: Path, tmp_path: Path, port: int, space: str) -> None:
    """From a process of its own: where calls are checked, the scorer's settings are others."""
    script = Path(__file__).with_name("on_training_service.py")
    command = [sys.executable, str(script), str(port), str(tmp_path / "experiments"), space]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=200)
    told_by = json.loads(run.stdout.splitlines()[-1])
    assert len(told_by["models"]) == 3
    assert told_by["reports"] == told_by["models"]
    assert told_by["expected"] == told_by["models"]
