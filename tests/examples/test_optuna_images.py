"""The demo, at its smallest: the table, the plot, the studies; images of the user's own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from .conftest import EXAMPLES

ALONE, SCREENED = "TPE alone", "TPE with zc_plugins"
SMALLEST = ["--trials", "1", "--epochs", "1", "--pool", "2"]
TINY = ["--trials", "3", "--epochs", "1", "--params", "5000", "--pool", "12"]


def demo(*options: str) -> str:
    """What the demo prints."""
    from optuna_images import main

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main(options)
    return printed.getvalue()


def studies(output: Path) -> dict[str, optuna.Study]:
    """By name."""
    storage = f"sqlite:///{output / 'studies.sqlite3'}"
    names = optuna.get_all_study_names(storage)
    return {name: optuna.load_study(study_name=name, storage=storage) for name in names}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one run; its print is ``printed.txt``."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "printed.txt").write_text(demo(*TINY, "--output", str(folder)))
    return folder


def row(text: str, title: str) -> list[float]:
    """The numbers of a line of the table."""
    line = next(line for line in text.splitlines() if line.strip().startswith(title))
    return [float(cell.replace(",", "")) for cell in line.strip().removeprefix(title).split()]


def test_table(output: Path) -> None:
    text = (output / "printed.txt").read_text()
    assert "handwritten digits: 1151 images to train on, 287 to validate, 359 to test" in text
    assert row(text, "trainings") == [3, 3]
    assert row(text, "trained epochs") == [3, 3]
    for accuracy in row(text, "test accuracy of the best network, %"):
        assert 0 <= accuracy <= 100
    assert all(seconds > 0 for seconds in row(text, "seconds in training"))
    rejected = row(text, "networks rejected before training")
    assert rejected == row(text, "over budget: params")
    assert rejected[0] > 0
    assert "One seed proves little: --seeds 5" in text
    assert f"optuna-dashboard sqlite:///{output / 'studies.sqlite3'}" in text


def test_plot(output: Path) -> None:
    picture = (output / "accuracy.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 10_000


def test_page(output: Path) -> None:
    page = (output / "study.html").read_text(encoding="utf-8")
    assert "Study TPE with zc_plugins, seed 0" in page
    assert "Were the scores right?" in page
    assert "params (baseline)" in page
    assert f"Page:    {output / 'study.html'}" in (output / "printed.txt").read_text()


def test_both_studies_train_equally_many_epochs(output: Path) -> None:
    found = studies(output)
    assert set(found) == {f"{ALONE}, seed 0", f"{SCREENED}, seed 0"}
    for study in found.values():
        trained = study.get_trials(states=[TrialState.COMPLETE])
        assert sum(trial.user_attrs["epochs"] for trial in trained) == 3
        assert all(trial.user_attrs["zc_params"] <= 5000 for trial in trained)
        assert all("learning_rate" in trial.params for trial in trained)


def test_rejected_networks_are_pruned_and_say_why(output: Path) -> None:
    trials = [trial for study in studies(output).values() for trial in study.trials]
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    for trial in trials:
        if trial.state == TrialState.PRUNED:
            assert trial.user_attrs["zc_note"].startswith("over budget: params")
            assert trial.user_attrs["zc_params"] > 5000
            assert "epochs" not in trial.user_attrs


def test_scores_are_numbers_that_the_dashboard_shows(output: Path) -> None:
    for name, study in studies(output).items():
        for trial in study.trials:
            scores = {k: v for k, v in trial.user_attrs.items() if k.startswith("zc_")}
            numbers = {k: v for k, v in scores.items() if k != "zc_note"}
            assert all(type(number) in {int, float} for number in numbers.values())
            assert ("zc_expressivity" in scores) == name.startswith(SCREENED)


def test_same_seed_same_trials(output: Path, tmp_path: Path) -> None:
    demo(*TINY, "--output", str(tmp_path))
    again = studies(tmp_path)
    for name, study in studies(output).items():
        assert [t.params for t in again[name].trials] == [t.params for t in study.trials]
        assert [t.value for t in again[name].trials] == [t.value for t in study.trials]


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    options = [*SMALLEST, "--output", str(tmp_path / "folder")]
    images = tmp_path / "own.npz"
    np.savez(images, **made_images())
    demo(*options, "--data", str(images))
    demo(*options, "--data", str(images))
    for study in studies(tmp_path / "folder").values():
        assert len(study.get_trials(states=[TrialState.COMPLETE])) == 1


def test_silent_in_ci_and_from_any_folder(tmp_path: Path) -> None:
    images = tmp_path / "own.npz"
    np.savez(images, **made_images())
    done = subprocess.run(
        [sys.executable, EXAMPLES / "optuna_images.py", *SMALLEST, "--data", "own.npz"],
        cwd=tmp_path,
        env={**os.environ, "CI": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    assert (tmp_path / "demo_output" / "accuracy.png").exists()


def test_budget_that_no_network_keeps(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="raise --params"):
        demo("--trials", "1", "--params", "10", "--output", str(tmp_path))


def made_images(images: str = "images", labels: str = "labels", count: int = 40) -> dict[str, Any]:
    """Noise of two brightnesses, 12 x 12 in three colours."""
    rng = np.random.default_rng(0)
    classes = np.arange(count) % 2
    pixels = rng.integers(0, 128, (count, 12, 12, 3)) + 127 * classes[:, None, None, None]
    return {images: pixels.astype(np.uint8), labels: np.array(["dark", "bright"])[classes]}


@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "NHW"])
def test_layouts(layout: str, tmp_path: Path) -> None:
    from images import load

    held = made_images()
    if layout == "NCHW":
        held["images"] = np.moveaxis(held["images"], -1, 1)
    if layout == "NHW":
        held["images"] = held["images"][..., 0]
    np.savez(tmp_path / "own.npz", **held)
    images = load(tmp_path / "own.npz")
    assert images.shape == (1 if layout == "NHW" else 3, 12, 12)
    assert images.classes == 2
    assert [len(y) for _, y in (images.train, images.validation, images.test)] == [26, 6, 8]
    assert abs(float(images.train[0].mean())) < 1e-5


def test_split_that_the_file_makes_is_kept(tmp_path: Path) -> None:
    from images import load

    held = made_images("x_train", "y_train") | made_images("x_test", "y_test", 10)
    np.savez(tmp_path / "own.npz", **held)
    images = load(tmp_path / "own.npz")
    assert [len(y) for _, y in (images.train, images.validation, images.test)] == [32, 8, 10]


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (made_images("pictures"), "keys labels, pictures. Wanted: x_train, y_train"),
        (
            made_images() | {"labels": np.zeros((40, 2))},
            r"labels of shape \(40, 2\) for 40 images",
        ),
        (made_images() | {"images": np.zeros((40, 12))}, r"images of shape \(40, 12\). Wanted"),
        (
            made_images("x_train", "y_train")
            | made_images("x_test", "y_test")
            | {"y_test": np.array(["grey"] * 40)},
            r"no training image has the labels \['grey'\]",
        ),
    ],
)
def test_unusable_images_name_the_remedy(
    held: Mapping[str, Any], reason: str, tmp_path: Path
) -> None:
    from images import load

    np.savez(tmp_path / "own.npz", **held)
    with pytest.raises(ValueError, match=reason):
        load(tmp_path / "own.npz")


def test_missing_file_is_an_error_of_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        demo("--data", "nowhere.npz")
    assert "--data" in capsys.readouterr().err


def test_real_images(shared_file: Callable[[str], Path], tmp_path: Path) -> None:
    cifar = shared_file("cifar10_subset_jpeg75.npz")
    text = demo(
        *("--trials", "1", "--epochs", "1", "--pool", "10", "--params", "2000"),
        *("--data", str(cifar), "--output", str(tmp_path)),
    )
    assert "cifar10_subset_jpeg75: 800 images to train on, 200 to validate, 1000 to test" in text
    assert row(text, "trained epochs") == [1, 1]


def test_table_over_several_seeds() -> None:
    from comparison import Search, table

    def search(method: str, accuracy: float, note: str) -> Search:
        attributes = {"epochs": 2, "seconds_training": 3.0, "test_accuracy": accuracy}
        trained = optuna.trial.create_trial(value=accuracy, user_attrs=attributes)
        noted = optuna.trial.create_trial(state=TrialState.PRUNED, user_attrs={"zc_note": note})
        low = "score too low: beats 31% of the reference sample, 50% are asked for"
        pruned = optuna.trial.create_trial(state=TrialState.PRUNED, user_attrs={"zc_note": low})
        return Search(method, [noted, trained, pruned], 4.0, seconds_scoring=0.25, scored=7)

    over = "over budget: params 99 over 9, flops 1.2e+06 over 5"
    text = table(
        [
            search("a", 0.5, over),
            search("b", 0.75, "dead"),
            search("a", 0.75, over),
            search("b", 0.25, "dead"),
        ]
    )
    assert "62.50 (50.00 to 75.00)  50.00 (25.00 to 75.00)" in text
    assert row(text, "over budget: params, flops") == [1, 0]
    assert row(text, "dead") == [0, 1]
    assert row(text, "score too low") == [1, 1]
    assert row(text, "seconds in scoring") == [0.2, 0.2]
    assert row(text, "seconds in all else") == [0.8, 0.8]
    assert row(text, "networks scored") == [7, 7]
    assert "b is better in 1, equal in 0 and worse in 1 of 2 seeds" in text
