"""The benchmark commands run as documented, at a tiny size, and print what they promise."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import runpy
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

ROOT = Path(__file__).parents[2]
Shared = Callable[[str], Path]


def here(module: str, *arguments: str) -> str:
    """What ``python -m`` prints, in this process: a new one takes seconds to import torch."""
    told, verbosity = io.StringIO(), optuna.logging.get_verbosity()
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
        contextlib.redirect_stdout(told),
    ):
        # Another test has imported the module, which is run anew all the same.
        warnings.filterwarnings("ignore", "'benchmarks.* found in sys.modules", RuntimeWarning)
        patch.chdir(ROOT)
        patch.setattr(sys, "argv", [module, *arguments])
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        finally:
            optuna.logging.set_verbosity(verbosity)
    return told.getvalue()


def apart(*arguments: str) -> str:
    """The same in a process of its own: it forks, logs otherwise, or is slower with checks."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines(*arguments: str, run: Callable[..., str] = here) -> list[str]:
    """What a command prints."""
    return run(*arguments).strip().splitlines()


def printed(*arguments: str, run: Callable[..., str] = here) -> Any:
    """The one line of JSON that a command prints."""
    (line,) = lines(*arguments, run=run)
    return json.loads(line)


def test_correlation(shared_file: Shared) -> None:
    folder = str(shared_file("nb201_main.parquet").parent)
    result = printed(
        "benchmarks.correlation", "--space", "nasbench201", "--dataset", "cifar10",
        "--architectures", "8", "--seed", "0", "--recipe", "az_nas", "--batch-size", "4",
        "--processes", "1", "--data", folder, "--json",
    )  # fmt: skip
    low, high = result["kendall_tau_interval"]
    assert low <= result["kendall_tau"] <= high
    assert -1 <= result["spearman_rho"] <= 1
    assert result["connected_only"]["architectures"] <= 8
    assert result["seconds"] > 0
    assert result["published_kendall_tau"] == 0.741


def test_speed() -> None:
    result = printed(
        "benchmarks.speed", "--networks", "1", "--repeats", "1", "--batch-size", "4", "--json",
        run=apart,
    )  # fmt: skip
    assert result["time_ratio"] > 0
    assert result["memory_ratio"] > 0
    assert 1 <= result["host_synchronisations"] <= result["probes"]


def test_speed_of_sets() -> None:
    result = printed(
        "benchmarks.speed", "--sets", "--proxies", "params,snip,plain", "--networks", "1",
        "--repeats", "1", "--batch-size", "4", "--json",
    )  # fmt: skip
    rows = {row["set"]: row for row in result["rows"]}
    alone = {"params alone", "snip alone", "plain alone"}
    assert rows.keys() == {"forward", "chosen", "training_step"} | alone
    assert rows["chosen"]["probes"] == 2 == rows["chosen"]["host_synchronisations"]
    assert all(rows[name]["time_ratio"] > 0 for name in alone)
    assert rows["chosen"]["singles_sum_ratio"] > 0


def test_speed_of_growing_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import speed

    monkeypatch.setattr(speed, "SCALES", {"channels": (2, 4), "cells_per_stage": (1, 2)})
    settings = argparse.Namespace(networks=1, repeats=1, batch_size=4, seed=0)
    result = speed.scaling(settings)
    assert len(result["rows"]) == 4
    assert result["exponents"].keys() == {"channels", "cells_per_stage"}


def test_the_sets_are_on_the_shelf() -> None:
    from benchmarks.speed import SETS
    from zc_plugins.proxies import SHELF

    assert all(set(proxies) <= set(SHELF) for proxies in SETS.values())


@pytest.mark.parametrize("way", ["base", "enqueue", "pruner", "sampler"])
def test_useful(way: str, shared_file: Shared) -> None:
    """One real study on the table with the kept scores: the regret never grows."""
    from benchmarks.useful import Run, regrets

    folder = str(shared_file("nb201_main.parquet").parent)
    curve = regrets(Run("random", way, 0, "cifar10", "az_nas", folder))
    assert len(curve) == 30
    assert min(curve) >= 0
    assert curve[-1] < 3


def test_steps_of_a_search() -> None:
    result = printed("benchmarks.search_speed", "--steps", "--sizes", "15", "30", "--json")
    evolutions = {row.pop("evolution"): row for row in result["rows"]}
    assert {"ZenEvolution", "AzEvolution", "FrontEvolution"} < evolutions.keys()
    assert all(row["15"] > 0 and row["30"] > 0 for row in evolutions.values())


def test_throughput_of_a_search() -> None:
    from benchmarks.search_speed import measured

    settings = argparse.Namespace(candidates=2, repeats=1, seed=0)
    row = measured("zen_nas", settings)
    assert row["candidates"] == 2
    assert row["candidates_per_second"] > 0
    low, high = row["of_channels_last_floor_range"]
    # Two forwards.
    assert 0 < low <= row["of_channels_last_floor"] <= high < 1


@pytest.mark.parametrize("kind", ["true", "shuffled", "flipped"])
def test_harmless(kind: str, shared_file: Shared) -> None:
    """A real study, told these scores: it ends well whatever they are."""
    from benchmarks.harmless import Run, regrets, told

    run = Run("cifar10", "random", "sampler", kind, True, 0)
    curve = regrets(run, str(shared_file("nb201_main.parquet").parent), trainings=12)
    assert len(curve) == 12
    assert 0 <= curve[-1] < 5
    true = told(Run("cifar10", "random", "sampler", "true", True, 0))
    mine = told(run)
    assert mine.candidates == true.candidates
    order = {"true": true.values, "flipped": -true.values}.get(kind, np.sort(true.values, axis=0))
    seen = np.sort(mine.values, axis=0) if kind == "shuffled" else mine.values
    np.testing.assert_array_equal(seen, order)


def test_harmless_goes_on_where_it_stopped(shared_file: Shared, tmp_path: Path) -> None:
    folder = str(shared_file("nb201_main.parquet").parent)
    kept = (ROOT / "benchmarks" / "results" / "harmless.csv").read_text()
    (tmp_path / "harmless.csv").write_text(kept)
    told = lines(
        "benchmarks.harmless", "--data", folder, "--seeds", "50", "--ways", "sampler", "pruner",
        "--out", str(tmp_path), run=apart,
    )  # fmt: skip
    assert (tmp_path / "harmless.csv").read_text() == kept
    over_all = [line.split() for line in told if "  all  " in line]
    # The two ways with each base, and filter-then-train, which takes the place of one.
    assert len(over_all) == 2 * 2 * 4 * 3 + 3 * 3
    misled = [row for row in over_all if row[2] in ("shuffled", "flipped") and row[5] != "10"]
    assert len(misled) == 16 + 4
    # Of one comparison in forty chance makes a loss of that p; corrected, none is one.
    assert all(float(row[-3]) > 0 or float(row[-1]) > 0.05 / 20 for row in misled)


def test_search_quality(shared_file: Shared, tmp_path: Path) -> None:
    folder, kept = str(shared_file("cifar10_subset_jpeg75.npz").parent), tmp_path / "kept.jsonl"
    command = (
        "benchmarks.search_quality", "--data", folder, "--candidates", "4", "--random", "2",
        "--near", "1", "--epochs", "1", "--out", str(kept), "--json",
    )  # fmt: skip
    result = printed(*command, "--seeds", "0")
    ways = [(row["way"], row["rivals"]) for row in result["rows"]]
    assert ways == [
        (way, rivals)
        for way in ("Zen-NAS", "AZ-NAS", "size alone")
        for rivals in ("random", "near")
    ]
    for row in result["rows"]:
        assert row["lead"] == pytest.approx(row["accuracy"] - row["median"])
        assert 0 <= row["beaten_share"] <= 1
    lines = kept.read_text().splitlines()
    assert len(lines) == 6
    assert all(json.loads(line)["flops"] <= 3e6 for line in lines)
    # What is there is summed up, not done again.
    assert printed(*command, "--seeds", "0")["rows"] == result["rows"]
    assert kept.read_text().splitlines() == lines


def test_search_under_a_latency_limit(shared_file: Shared, tmp_path: Path) -> None:
    from benchmarks.search_latency import WAYS, Run, found, limit_of, markdown, plot, summary

    folder = str(shared_file("nb201_hw_nas_bench.parquet").parent)
    runs = [
        Run("cifar100", "raspi4", 0.4, way, seed, folder, candidates=25)
        for way in WAYS
        for seed in range(2)
    ]
    results = {run: found(run) for run in runs}
    assert {count for _, count in results.values()} == {25}
    rows = {row["way"]: row for row in summary([("cifar100", "raspi4", 0.4)], results, folder)}
    oracle = rows["oracle"]["accuracy"]
    assert oracle == max(row["accuracy"] for row in rows.values())
    for way in WAYS:
        assert rows[way]["latency_ms"] <= limit_of(runs[0])
        assert rows[way]["to_oracle"] == pytest.approx(oracle - rows[way]["accuracy"], abs=2e-3)
        assert 0 <= rows[way]["better_scores"] <= 1
    assert rows["RandomSearch, az_nas"]["gain_over_random_search"] == 0
    assert len(markdown(list(rows.values())).splitlines()) == 2 + len(rows)
    plot(list(rows.values()), tmp_path / "latency.png")
    assert (tmp_path / "latency.png").stat().st_size > 0


def test_nni_search(shared_file: Shared, tmp_path: Path) -> None:
    """All strategies on one dataset: the rows that are kept come out again."""
    pytest.importorskip("nni", reason="nni is not installed: pip install -e '.[nni]'")
    folder = str(shared_file("nb201_main.parquet").parent)
    head, _, *table, told = lines(
        "benchmarks.nni_search", "--data", folder, "--datasets", "cifar10", "--seeds", "20",
        "--out", str(tmp_path), run=apart,
    )  # fmt: skip
    assert head == "| dataset | strategy | 5 | 10 | 30 | 50 |"
    assert len(table) == 6
    assert json.loads(told)["seeds"] == 20
    assert json.loads(told) == json.loads((tmp_path / "nni_search.json").read_text())
    kept = _rows(ROOT / "benchmarks" / "results")
    assert _rows(tmp_path) == [row for row in kept if row["dataset"] == "cifar10"]


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "nni_search.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_scores_of_networks_of_nni() -> None:
    pytest.importorskip("nni", reason="nni is not installed: pip install -e '.[nni]'")
    result = printed("benchmarks.nni_search", "--check", "4", run=apart)
    assert result["networks"] == 4
    assert result["tau"]["complexity"] == 1


def test_real_table(shared_file: Shared, tmp_path: Path) -> None:
    """A few networks of each space, trained and scored for real."""
    from benchmarks.real_table import RECIPES, read, read_scores

    folder = str(shared_file("cifar10_subset_jpeg75.npz").parent)
    told = lines(
        "benchmarks.real_table", "--data", folder, "--architectures", "3", "--epochs", "1",
        "--out", str(tmp_path),
    )  # fmt: skip
    for line in map(json.loads, told):
        kept = read(line["problem"], tmp_path)
        assert len(kept) == 3 == line["networks"]
        assert all(0 < t.test < 100 and t.seconds > 0 for t in kept.values())
        for recipe in RECIPES:
            table = read_scores(line["problem"], recipe, tmp_path)
            assert set(table.candidates) == kept.keys()
            assert (np.asarray(table.seconds) > 0).all()


def test_a_training_is_the_same_again(shared_file: Shared) -> None:
    """The kept accuracy of a network is what its training comes to."""
    import torch

    from benchmarks.real_problems import PROBLEMS, trained
    from benchmarks.real_table import read, space_of

    folder = shared_file("cifar10_subset_jpeg75.npz").parent
    for name, problem in PROBLEMS.items():
        architecture, kept = next(iter(read(name).items()))
        space = space_of(problem)
        torch.manual_seed(len(name))
        found = trained(
            lambda s=space, a=architecture: s.build(s.decode(a)), problem.data(folder),
            problem.epochs,
        )  # fmt: skip
        # Another processor may round otherwise.
        assert found.validation == pytest.approx(kept.validation, abs=3)
        assert found.test == pytest.approx(kept.test, abs=3)


@pytest.mark.parametrize("way", ["base", "enqueue_best", "ZeroCostPruner", "all three"])
def test_real_training(way: str) -> None:
    """A study over the kept trainings: what it spends is what it trained and scored."""
    from benchmarks.real_table import RESULTS, read
    from benchmarks.real_training import Run, searched

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    run = Run("segments", "random", way, "" if way == "base" else "az_nas", 0)
    study, course = searched(run, RESULTS, most=6)
    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    assert len(complete) == len(course.test) == 6
    kept = read("segments")
    best = max(complete, key=lambda trial: trial.value)
    assert (best.value, course.test[-1]) in {(t.validation, t.test) for t in kept.values()}
    assert course.training == sorted(course.training)
    assert (course.scoring[0] > 0) == (way != "base")


def test_make_bench_runs_every_benchmark_of_choices() -> None:
    """Those that show whether scores are of use, among them."""
    _, target = (ROOT / "Makefile").read_text().split("\nbench:")
    named = {line.split("-m benchmarks.")[1].split()[0] for line in target.splitlines()[1:]}
    chosen = {"useful", "choose", "nni_search", "search_latency", "search_speed", "search"}
    assert chosen < named
    for name in named:
        path = ROOT / "benchmarks" / name
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def test_predictors(shared_file: Shared, tmp_path: Path) -> None:
    folder = str(shared_file("nb201_main.parquet").parent)
    result = printed(
        "benchmarks.predictors", "--data", folder, "--labels", "78", "--seeds", "2",
        "--methods", "ridge: scores", "synflow", "--to", str(tmp_path),
    )  # fmt: skip
    learned, free = result["rows"]
    assert 0.5 < free["tau"] < learned["tau"] < result["tau_of_validation"]
    assert 0.5 < learned["covered_68"] < learned["covered_95"] < 1
    with (tmp_path / "predictors_cifar10.csv").open() as file:
        assert [row["method"] for row in csv.DictReader(file)] == ["ridge: scores", "synflow"]


def test_transfer(shared_file: Shared, tmp_path: Path) -> None:
    folder = str(shared_file("vitbench101_autoprox.csv").parent)
    result = printed(
        "benchmarks.transfer", "--data", folder, "--spaces", "vitbench101", "--seeds", "1",
        "--to", str(tmp_path), run=apart,
    )  # fmt: skip
    rows = result["rows"]
    assert {row["way"] for row in rows} == {"fitted elsewhere", "fitted here", "warm start"}
    at_home = [row["tau"] for row in rows if row["dataset"] == "c100_kd"]
    assert len(at_home) == 2
    assert min(at_home) > 0.4
    with (tmp_path / "transfer.csv").open() as file:
        assert [float(row["tau"]) for row in csv.DictReader(file)] == [row["tau"] for row in rows]


def test_transfer_between_spaces(shared_file: Shared) -> None:
    from benchmarks.transfer import carried_taus, cells, transformers

    folder = str(shared_file("vitbench101_autoprox.csv").parent)
    both = cells(folder), transformers(folder)
    found = list(carried_taus(*both, "ridge: scores", seed=0))
    assert len(found) == 4 * (1 + 2 * 3)
    tau = {(way, labels): tau for dataset, way, labels, tau in found if dataset == "c100_kd"}
    assert tau["fitted here", 78] > tau["fitted here", 10] > tau["fitted elsewhere", 0]
    assert tau["warm start", 78] > 0.5


@pytest.mark.parametrize(("space", "size"), [("nasbench201", 3), ("vitbench101", 1)])
def test_nodewise(space: str, size: int, shared_file: Shared, tmp_path: Path) -> None:
    from benchmarks.nodewise import read

    kept = tmp_path / "kept.npz"
    folder = str(shared_file("vitbench101_autoprox.csv").parent)
    result = printed(
        "benchmarks.nodewise", "--space", space, "--architectures", str(size), "--data", folder,
        "--batch-size", "4", "--to", str(kept),
    )  # fmt: skip
    table = read(space, kept)
    assert len(table) == result["cells"] == size
    assert not np.isnan(table.values).any()
    for proxy, names in table.layer_names.items():
        assert [len(words) for words in names] == [len(v) for v in table.layers[proxy]]
