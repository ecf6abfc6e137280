"""The tuner and the assessor, by themselves and in an experiment on the training service."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nni
import pytest
import requests
from torch import nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.nni import ZeroCostAssessor, ZeroCostTuner, register
from zc_plugins.nni.report import BEATEN_BY

from .hpo_trial import SPACE

BUILD = "tests.nni.hpo_trial:build_model"


class Recorder(nni.tuner.Tuner):  # type: ignore[misc]
    """Proposes widths in turn and keeps what it is told."""

    def __init__(self, widths: Any = (5, 9, 7, 3, 8, 2)) -> None:
        self.widths, self.told = list(widths), []

    def update_search_space(self, search_space: Any) -> None:
        self.told.append(("space", search_space))

    def generate_parameters(self, parameter_id: int, **_: Any) -> Any:
        if not self.widths:
            raise nni.NoMoreTrialError
        return {"width": self.widths.pop(0)}

    def receive_trial_result(
        self, parameter_id: int, parameters: Any, value: Any, **_: Any
    ) -> None:
        self.told.append(("result", parameter_id, value))

    def trial_end(self, parameter_id: int, success: bool, **_: Any) -> None:
        self.told.append(("end", parameter_id, success))

    def import_data(self, data: Any) -> None:
        self.told.append(("data", data))


def tuner(monkeypatch: pytest.MonkeyPatch, recorder: Recorder, **options: Any) -> ZeroCostTuner:
    monkeypatch.setattr("zc_plugins.nni.tuner.named", lambda *_: recorder)
    options = {"candidates": 3, "half_life": None, "recipe": "size", **options}
    return ZeroCostTuner(BUILD, [4], **options)


def test_the_best_proposal_is_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    screened = tuner(monkeypatch, recorder)
    assert screened.generate_parameters(0) == {"width": 9}
    assert recorder.told == [("end", 0, False), ("end", 2, False)]
    recorder.told.clear()
    assert screened.generate_parameters(1) == {"width": 8}
    assert recorder.told == [("end", 3, False), ("end", 5, False)]
    recorder.told.clear()
    screened.receive_trial_result(0, {"width": 9}, 0.5)
    screened.trial_end(0, True)
    assert recorder.told == [("result", 1, 0.5)]
    with pytest.raises(nni.NoMoreTrialError):
        screened.generate_parameters(2)


def test_the_last_proposals_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    screened = tuner(monkeypatch, Recorder((5, 9)), candidates=8)
    assert screened.generate_parameters(0) == {"width": 9}


def test_proposals_get_fewer_as_trials_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(range(1, 65))
    screened = tuner(monkeypatch, recorder, candidates=4, half_life=1)
    drawn = []
    for trial in range(4):
        before = len(recorder.widths)
        parameters = screened.generate_parameters(trial)
        drawn.append(before - len(recorder.widths))
        screened.receive_trial_result(trial, parameters, 0.5)
    assert drawn == [4, 2, 1, 1]


@pytest.mark.parametrize("text", [False, True])
def test_imported_trials_have_finished(monkeypatch: pytest.MonkeyPatch, text: bool) -> None:
    """A resumed experiment goes on where it was, and does not screen as at its start."""
    recorder = Recorder(range(1, 65))
    resumed = tuner(monkeypatch, recorder, candidates=8, half_life=1)
    data = [{"parameter": {"width": width}, "value": 0.5} for width in (1, 2)]
    resumed.import_data(told := nni.dump(data) if text else data)
    assert recorder.told == [("data", told)]
    before = len(recorder.widths)
    resumed.generate_parameters(2)
    assert before - len(recorder.widths) == 2


def test_the_end_of_the_wrong_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """NNI 3.0 tells of it where a trial dies early; the result that comes later is not lost."""
    recorder = Recorder()
    screened = tuner(monkeypatch, recorder)
    screened.generate_parameters(0)
    recorder.told.clear()
    screened.trial_end(0, False)
    screened.receive_trial_result(0, {"width": 9}, 0.5)
    screened.trial_end(77, False)
    assert recorder.told == [
        ("end", 1, False),
        ("data", [{"parameter": {"width": 9}, "value": 0.5}]),
    ]


@pytest.mark.parametrize("name", ["TPE", "Random", "Evolution"])
def test_tuners_of_nni(name: str) -> None:
    arguments = {"Random": {"seed": 0}}.get(name, {"optimize_mode": "maximize"})
    if name == "Evolution":
        arguments["population_size"] = 9
    screened = ZeroCostTuner(BUILD, [4], recipe="size", tuner=name, tuner_args=arguments)
    screened.update_search_space(SPACE)
    widths = []
    for trial in range(4):
        parameters = screened.generate_parameters(trial, st_callback=None)
        widths.append(parameters["width"])
        screened.receive_trial_result(trial, parameters, parameters["width"] / 64)
        screened.trial_end(trial, True)
    assert sum(widths) / 4 > 40


def no_network(parameters: Any) -> nn.Module:
    raise RuntimeError("no such layer")


def test_where_nothing_can_be_scored_the_first_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    screened = tuner(monkeypatch, Recorder())
    monkeypatch.setattr(screened, "_build_model", no_network)
    assert screened.generate_parameters(0) == {"width": 5}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"build_model": "nowhere:f"}, "nowhere:f"),
        ({"build_model": "math"}, "'math' cannot be imported"),
        ({"candidates": 0}, "candidates=0"),
        ({"half_life": 0}, "half_life=0"),
        ({"recipe": "Scorer"}, "recipe='Scorer'"),
        ({"recipe_args": {"bath_size": 2}}, r"recipe_args={'bath_size': 2} .*'batch_size'"),
        ({"recipe_args": {"batch_size": 0}}, "batch_size=0: pass"),
        ({"tuner": "TPF"}, r"tuner='TPF': pass one of .*'TPE'"),
        ({"tuner": "Medianstop"}, r"tuner='Medianstop': pass one of"),
        ({"tuner": "Hyperband"}, r"tuner='Hyperband': pass one of"),
        ({"tuner_args": {"optimize_mode": "min"}}, r"tuner_args={'optimize_mode': 'min'} .*: pass"),
        ({"tuner_args": {"mode": "minimize"}}, r"tuner_args={'mode': .*unexpected.*: pass"),
        ({"tuner": "Evolution", "tuner_args": {"population_size": -1}}, "in range of .*: pass"),
        ({"tuner": "SMAC"}, "No module named 'smac'"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        ZeroCostTuner(**{"build_model": BUILD, "input_shape": [4], **arguments})


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"keep": 2}, "keep=2: pass"),
        ({"assessor": "TPE"}, r"assessor='TPE': pass one of .*'Medianstop'"),
        ({"assessor": "Medianstop", "assessor_args": {"start_step": -3}}, "in range of .*: pass"),
        ({"assessor": "Medianstop", "assessor_args": {"x": 1}}, r"assessor_args={'x': 1} .*: pass"),
        ({"assessor_args": {"start_step": 3}}, r"assessor_args={'start_step': 3}: pass assessor="),
    ],
)
def test_wrong_arguments_of_the_assessor(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        ZeroCostAssessor(**arguments)


def test_the_assessor_decides_on_the_first_report() -> None:
    from nni.assessor import AssessResult

    assessor = ZeroCostAssessor(0.4)
    assert assessor.assess_trial("a", [{"default": 0.2, BEATEN_BY: 0.6}]) is AssessResult.Bad
    assert assessor.assess_trial("b", [{"default": 0.7, BEATEN_BY: 0.4}]) is AssessResult.Good
    assert assessor.assess_trial("c", [{"default": 0.0, "zc_note": "?"}]) is AssessResult.Good
    assert assessor.assess_trial("d", [0.1]) is AssessResult.Good
    assessor.trial_end("a", False)


def test_another_assessor_decides_later() -> None:
    from nni.assessor import AssessResult

    assessor = ZeroCostAssessor(1, "Medianstop", {"optimize_mode": "maximize", "start_step": 1})
    score = {"default": 0.5, BEATEN_BY: 0.1}
    for trial in "abc":
        for step in range(3):
            history = [score, *[0.9] * step]
            assert assessor.assess_trial(trial, history) is AssessResult.Good
        assessor.trial_end(trial, True)
    assert assessor.assess_trial("d", [score]) is AssessResult.Good
    assert assessor.assess_trial("d", [score, 0.1, 0.1]) is AssessResult.Bad


@pytest.mark.slow
def test_an_experiment(nni_home: Path, tmp_path: Path, port: int) -> None:
    from nni.experiment import Experiment
    from nni.experiment.config import CustomAlgorithmConfig

    code = tmp_path / "code"
    code.mkdir()
    shutil.copy(Path(__file__).with_name("hpo_trial.py"), code)
    subprocess.run([sys.executable, "hpo_trial.py", "reference"], cwd=code, check=True)
    experiment = Experiment("local")
    config = experiment.config
    config.experiment_working_directory = str(tmp_path / "experiments")
    config.trial_code_directory = str(code)
    config.trial_command = f"{sys.executable} hpo_trial.py"
    config.search_space = SPACE
    config.max_trial_number, config.trial_concurrency = 4, 1
    config.tuner = CustomAlgorithmConfig(
        class_name="zc_plugins.nni.ZeroCostTuner",
        code_directory=str(code),
        class_args={
            "build_model": "hpo_trial:build_model", "input_shape": [4], "recipe": "size",
            "candidates": 1, "tuner": "Random", "tuner_args": {"seed": 4},
        },
    )  # fmt: skip
    config.assessor = CustomAlgorithmConfig(
        class_name="zc_plugins.nni.ZeroCostAssessor",
        code_directory=str(code),
        class_args={"keep": 0.5},
    )
    experiment.start(port)
    try:
        while experiment.get_status() not in ("DONE", "ERROR"):
            time.sleep(1)
        jobs = experiment.list_trial_jobs()
        page = requests.get(f"http://localhost:{port}/api/v1/nni/metric-data", timeout=20).json()
    finally:
        experiment.stop()
    assert len(jobs) == 4
    firsts = [row for row in page if (row["type"], row["sequence"]) == ("PERIODICAL", 0)]
    # NNI's page reads each text twice, and draws "default" or the key that its user picks.
    drawn = {row["trialJobId"]: json.loads(json.loads(row["data"])) for row in firsts}
    outcomes = set()
    for job in jobs:
        score = drawn[job.trialJobId]
        assert {"default", "zc_params", "zc_complexity", BEATEN_BY} == score.keys()
        assert all(type(number) is float for number in score.values())
        stopped = score[BEATEN_BY] > 0.5
        outcomes.add(stopped)
        assert job.status == ("USER_CANCELED" if stopped else "SUCCEEDED")
        began = (code / f"epoch-{job.trialJobId}").exists()
        assert began is not stopped, "a trial is stopped before its first epoch"
    assert outcomes == {True, False}


def test_registered_by_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nni.tools.package_utils.tuner_factory import create_builtin_class_instance

    monkeypatch.setenv("NNI_CONFIG_DIR", str(tmp_path))
    assert register() == ["ZeroCostTuner", "ZeroCostAssessor"]
    assert "ZeroCostTuner" in (tmp_path / "registered_algorithms.yml").read_text()
    made = create_builtin_class_instance(
        "ZeroCostTuner", {"build_model": BUILD, "input_shape": [4]}, "tuners"
    )
    assert isinstance(made, ZeroCostTuner)
    assert register() == ["ZeroCostTuner", "ZeroCostAssessor"], "twice does no harm"


def test_registered_by_nnictl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zc_plugins.nni.register import META

    monkeypatch.setenv("NNI_CONFIG_DIR", str(tmp_path))
    nnictl = Path(sys.executable).with_name("nnictl")
    command = [str(nnictl), "algo", "register", "--meta", str(META)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    registered = (tmp_path / "registered_algorithms.yml").read_text()
    assert "zc_plugins.nni.tuner.ZeroCostTuner" in registered
    assert "zc_plugins.nni.assessor.ZeroCostAssessor" in registered
