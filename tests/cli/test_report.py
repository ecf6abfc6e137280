"""``zc-plugins report``: the page is written, and what is wrong is told in one line."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend
from typer.testing import CliRunner

from tests.report.test_curves import GOOD
from zc_plugins.cli._app import app


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["report", *map(str, arguments)])
    return done.exit_code, done.output


@pytest.fixture
def results(tmp_path: Path) -> Path:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e '.[dev]'")
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "t.csv").write_text(GOOD)
    (folder / "t.json").write_text('{"seeds": 1, "note": "<b>"}')
    (folder / "another.json").write_text("unrelated")
    return folder


def test_a_folder_becomes_a_page(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, printed = run(results, "--out", page)
    assert (code, "3 curves of 2 problems" in printed) == (0, True)
    shown = page.read_text()
    assert shown.count("<svg") == 2
    assert "&lt;b&gt;" in shown
    assert "unrelated" not in shown


def test_a_file_and_some_of_its_problems(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, _ = run(results / "t.csv", "--out", page, "--problem", "t", "--method", "b")
    assert code == 0
    shown = page.read_text()
    assert shown.count("<svg") == 1
    assert "&quot;seeds&quot;: 1" in shown
    # The one that is asked for has a colour, the other one none.
    assert shown.count("background:#c7c7c7") == 1


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--problem", "x"), "'x' is none of ['t', 'u']"),
        (("--method", "x"), "'x' is none of ['a', 'b']"),
        (("--out", "nowhere/page.html"), "cannot be written"),
    ],
)
def test_what_is_wrong_is_told(
    results: Path, tmp_path: Path, more: tuple[str, ...], told: str
) -> None:
    code, printed = run(results, "--out", tmp_path / "page.html", *more)
    assert code == 1
    assert told in printed
    assert not (tmp_path / "page.html").exists()


def test_a_study_becomes_a_page(tmp_path: Path) -> None:
    pytest.importorskip("plotly", reason="plotly is not installed: pip install -e '.[dev]'")
    file, page = tmp_path / "study.log", tmp_path / "page.html"
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(file)))
    study = optuna.create_study(storage=storage, study_name="<b>mine")
    for value in range(4):
        scores = {"zc_complexity": float(value), "zc_params": float(value)}
        params = {"width": value + 1}
        distributions = {"width": optuna.distributions.IntDistribution(1, 64)}
        study.add_trial(
            optuna.trial.create_trial(
                value=value, user_attrs=scores, params=params, distributions=distributions
            )
        )
    code, printed = run(file, "--out", page)
    assert (code, "4 trials" in printed) == (0, True)
    assert "Study &lt;b&gt;mine" in page.read_text()
    assert "plot-scores" in page.read_text()
    target = f"{Path(__file__).parents[1] / 'optuna' / 'builders.py'}:build_mlp"
    with_layers = ("--recipe", "az_nas", "--space", target, "--input-shape", "4")
    code, printed = run(file, "--study", "<b>mine", "--out", page, *with_layers)
    assert code == 0, printed


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--problem", "x"), "are for curves"),
        (("--study", "x"), "no study 'x': pass one of 'mine'"),
        (("--space", "x.py:y"), "pass --recipe and --input-shape too"),
        (("--recipe", "az_nos"), "az_nas"),
    ],
)
def test_what_is_wrong_with_a_study_is_told(
    tmp_path: Path, more: tuple[str, ...], told: str
) -> None:
    file, page = tmp_path / "study.log", tmp_path / "page.html"
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(file)))
    optuna.create_study(storage=storage, study_name="mine")
    code, printed = run(file, "--out", page, *more)
    assert (code, page.exists()) == (1, False)
    assert told in printed


def test_curves_have_no_study(results: Path, tmp_path: Path) -> None:
    code, printed = run(results, "--out", tmp_path / "page.html", "--study", "x")
    assert code == 1
    assert "is no storage of a study" in printed
