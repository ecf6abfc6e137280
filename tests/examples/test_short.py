"""The short examples, in full."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

from .conftest import EXAMPLES

SHORT = ["filter_then_train", "quick_start", "multi_objective", "evolve_proxy"]


@pytest.mark.parametrize("name", [*SHORT, "optuna_images", "zen_nas"])
def test_begins_with_what_the_reader_will_see(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text()
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert docstring.startswith("You will see")


@pytest.mark.parametrize("name", SHORT)
def test_is_short_and_of_public_names(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text()
    assert text.count("\n") < 40
    assert "._" not in text


def test_optuna_images_uses_public_names() -> None:
    for path in EXAMPLES.glob("*.py"):
        assert "zc_plugins._" not in path.read_text(), path


def test_quick_start(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "quick_start.py"), run_name="__main__")
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == [
        "AZ-NAS",
        "expressivity",
        "progressivity",
        "trainability",
        "complexity",
        "widths",
    ]
    scores = [float(row.split()[0]) for row in rows]
    assert len(scores) == 20
    assert scores == sorted(scores, reverse=True)
    assert not any("nan" in row for row in rows)


def test_evolve_proxy(capsys: pytest.CaptureFixture[str]) -> None:
    made = runpy.run_path(str(EXAMPLES / "evolve_proxy.py"))
    proxy, judged = capsys.readouterr().out.splitlines()
    assert proxy == f"{made['found'].reduce} over layers of {made['found'].expression}"
    assert 0.2 < float(judged.split()[4].rstrip(",")) <= 1


def test_multi_objective(capsys: pytest.CaptureFixture[str]) -> None:
    made = runpy.run_path(str(EXAMPLES / "multi_objective.py"))
    states = {trial.state.name for trial in made["study"].trials}
    assert states == {"COMPLETE", "PRUNED"}
    front = capsys.readouterr().out.splitlines()
    accuracies = [float(line.split("%")[0]) for line in front]
    sizes = [int(line.split()[2].replace(",", "")) for line in front]
    assert sizes == sorted(sizes)
    assert accuracies == sorted(accuracies)
    assert accuracies[-1] > 80


def test_filter_then_train(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "filter_then_train.py"))
    mine, theirs = capsys.readouterr().out.splitlines()
    assert (mine[:6], theirs[:3]) == ("filter", "TPE")
    for line in (mine, theirs):
        best = [float(accuracy) for accuracy in line.split()[-4:-1]]
        assert best == sorted(best)
        assert 80 < best[-1] <= 100


def test_zen_nas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "zen_nas.py"))["main"](20, 2, tmp_path / "made")
    *_, first, second, third, fourth = capsys.readouterr().out.splitlines()
    for line, name in zip(
        (first, second, third, fourth), ("Zen-NAS", "AZ-NAS", "random", "another"), strict=True
    ):
        assert line.startswith(name)
        flops = int(line.split(" multiply")[0].split()[-1].replace(",", ""))
        assert flops <= 1_000_000
        assert name in ("Zen-NAS", "AZ-NAS") or flops > 800_000
        assert 5 < float(line.split()[-2]) <= 100
    assert (tmp_path / "made" / "zen_nas.png").stat().st_size > 10_000
