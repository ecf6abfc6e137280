"""Every Python snippet of the README runs, in order, on small networks; its files exist."""

from __future__ import annotations

import csv
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.snippets import SMALLER, STAND_IN, made_smaller, snippets
from zc_plugins.proxies import SHELF as PROXIES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
OF_NNI = README.index("## NNI\n"), README.index("## The shelf\n")


SNIPPETS = snippets(README[: OF_NNI[0]] + README[OF_NNI[1] :])
NNI_SNIPPETS = snippets(README[slice(*OF_NNI)])


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(verbosity)


def test_snippets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(SNIPPETS) >= 7
    # Some write files.
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(STAND_IN, names)
    for snippet in map(made_smaller, SNIPPETS):
        exec(compile(snippet, "README.md", "exec"), names)
        if "n_trials" in snippet:
            states = {trial.state.name for trial in names["study"].trials}
            assert states <= {"COMPLETE", "PRUNED", "WAITING"}
            assert any(
                name.startswith("zc_") for t in names["study"].trials for name in t.user_attrs
            )


@pytest.mark.skipif(importlib.util.find_spec("nni") is None, reason="nni is not installed")
def test_nni_snippets(tmp_path: Path) -> None:
    """In a process and a home of their own: NNI writes into its user's home."""
    assert len(NNI_SNIPPETS) >= 4
    script = tmp_path / "snippets.py"
    script.write_text(STAND_IN + "".join(map(made_smaller, NNI_SNIPPETS)) + "print(best)")
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "CI": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "cell/0_1" in done.stdout.splitlines()[-1]


def test_sizes_are_made_smaller() -> None:
    pages = [README, *(path.read_text() for path in (ROOT / "docs").rglob("*.md"))]
    for written in SMALLER:
        assert any(written in snippet for page in pages for snippet in snippets(page)), written


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text()):
        if not target.startswith("http"):
            assert (ROOT / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("page", ["README.md", "benchmarks/README.md"])
def test_no_place_is_left_to_fill(page: str) -> None:
    assert not re.search(r"@[A-Z0-9]+@|<!--", (ROOT / page).read_text())


def test_numbers_are_the_committed_ones() -> None:
    """Each cell of the tables with errors is in the results, rounded, but for its sign."""
    from benchmarks.harmless import summary

    results, kept = ROOT / "benchmarks" / "results", list[tuple[Any, Any]]()
    for name, value in (
        ("useful.csv", "regret"),
        ("nni_search.csv", "regret"),
        ("search_latency.csv", "accuracy"),
    ):
        with (results / name).open() as file:
            kept += [(r[value], r["standard_error"] or 0) for r in csv.DictReader(file)]
    with (results / "search" / "summary.csv").open() as file:
        kept += [(r["regret"], r["standard_error"]) for r in csv.DictReader(file)]
    with (results / "harmless.csv").open() as file:
        gains = summary(list(csv.DictReader(file)))
        kept += [(abs(r["gain"]), r["standard_error"]) for r in gains]
    told = {f"{float(value):.2f} ± {float(error):.2f}" for value, error in kept}
    for page in (README, (ROOT / "benchmarks" / "README.md").read_text()):
        written = re.findall(r"\d+\.\d\d ± \d+\.\d\d", page)
        assert len(written) >= 40
        assert set(written) <= told


def test_taus_are_the_committed_ones() -> None:
    """Each tau of predictors with its error is in the results, rounded."""
    results, told = ROOT / "benchmarks" / "results", set[str]()
    for path in (*results.glob("predictors_*.csv"), results / "transfer.csv"):
        with path.open() as file:
            for row in csv.DictReader(file):
                if row["standard_error"]:
                    tau, error = float(row["tau"]), float(row["standard_error"])
                    told.add(f"{tau:.3f} ± {error:.3f}".replace("0.", "."))
    page = (ROOT / "benchmarks" / "README.md").read_text()
    written = re.findall(r"-?\.\d{3} ± \.\d{3}", page)
    assert len(written) >= 90
    assert set(written) <= told


def test_every_proxy_is_named() -> None:
    shelf = README[README.index("## The shelf") : README.index("## Command line")]
    assert set(PROXIES) <= set(re.findall(r"`(\w+)`", shelf))
    for row in shelf.splitlines():
        passes, _, names = row.removeprefix("| ").partition(" | ")
        probes = set(re.findall(r"`(\w+)`", passes.partition("(")[2]))
        for name in set(re.findall(r"`(\w+)`", names)) & set(PROXIES) if probes else ():
            assert PROXIES[name].reads in probes, name
