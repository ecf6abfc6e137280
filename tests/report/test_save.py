"""What is handed over is true, complete, and can be built and trained again."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from tests.report import results
from tests.report.results import IMAGES
from zc_plugins import Excitation, ModuleSpace, Scorer
from zc_plugins.costs.flops import flops
from zc_plugins.errors import InvalidArgument, MissingExtra
from zc_plugins.proxies.params import params
from zc_plugins.report import load, save
from zc_plugins.search import SearchResult, search

ROOT = Path(__file__).parents[2]
save_module = sys.modules["zc_plugins.report.save"]

FOUND: dict[str, tuple[Callable[[], SearchResult], tuple[int, ...]]] = {
    "stages": (results.of_stages, IMAGES),
    "cells": (results.of_cells, IMAGES),
    "front": (results.of_a_front, (4,)),
    "dead": (results.with_dead_networks, (4,)),
    "builder": (results.of_a_builder, (4,)),
}
OF_BUILDER = "from tests.report.results import build_model as space"
OF_CHAINS = "from tests.search.chains import Chains\n\nspace = Chains()"
SOURCES = {"front": OF_CHAINS, "dead": OF_CHAINS, "builder": OF_BUILDER}


@pytest.fixture(params=FOUND)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, SearchResult]:
    make, shape = FOUND[request.param]
    source = SOURCES.get(request.param, "")
    folder = tmp_path / "found"
    save(make(), folder, input_shape=shape, device="cpu", batch_size=3, space_source=source)
    return folder, make()


def content(folder: Path) -> dict[str, Any]:
    text = (folder / "architecture.json").read_text()
    parsed: dict[str, Any] = json.loads(text, parse_constant=pytest.fail)
    return parsed


def loaded(folder: Path, result: SearchResult) -> tuple[Any, Any]:
    recorded = content(folder)["space"]["record"] is not None
    return load(folder) if recorded else load(folder, result.space)


def test_the_network_comes_back(saved: tuple[Path, SearchResult]) -> None:
    folder, result = saved
    space, architecture = loaded(folder, result)
    assert architecture == result.architecture
    assert space.name == result.space.name
    facts, network = content(folder), space.build(architecture)
    shape = tuple(facts["input_shape"])
    assert facts["architecture"] == result.winner.text
    assert facts["costs"]["params"]["value"] == sum(p.numel() for p in network.parameters())
    assert facts["costs"]["flops"]["value"] == flops(network, shape)
    assert facts["costs"]["latency"]["value"] > 0
    assert facts["costs"]["latency"]["batch_size"] == 3
    assert list(facts["scores"].values()) == list(result.winner.scores)
    assert facts["search"]["candidates"] == len(result.history)
    assert (folder / "architecture.txt").read_text() == result.winner.text + "\n"


def test_the_history_is_the_search(saved: tuple[Path, SearchResult]) -> None:
    folder, result = saved
    with (folder / "history.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["text"] for line in lines] == [member.text for member in result.history]
    for line, member in zip(lines, result.history, strict=True):
        for name, score in zip(result.proxies.names, member.scores, strict=True):
            written = line[f"score_{name}"]
            assert (written == "") == bool(np.isnan(score))
            assert not written or float(written) == score
            assert bool(line["note"]) == bool(member.notes)
        assert {name: float(line[f"cost_{name}"]) for name in member.costs} == dict(member.costs)
        assert float(line["seconds"]) == member.seconds
    best = sorted((line for line in lines if line["place"]), key=lambda line: int(line["place"]))
    assert [line["text"] for line in best] == [member.text for member in result.best]


def test_the_card_tells_it(saved: tuple[Path, SearchResult]) -> None:
    folder, result = saved
    card = (folder / "README.md").read_text()
    parameters = sum(p.numel() for p in result.build().parameters())
    assert f"| params | {parameters} |" in card
    assert f"| candidates scored | {len(result.history)} |" in card
    assert f"| acceptance rate | {result.acceptance_rate:.1%} |" in card
    assert "batch of 3, on cpu" in card
    assert "| seed | 0 |" in card
    assert result.winner.text in card
    assert "nan" not in card
    for file in folder.iterdir():
        assert f"| `{file.name}` |" in card
    assert (folder / "history.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / "network.onnx").exists()


def program(folder: Path) -> str:
    card = (folder / "README.md").read_text()
    (found,) = re.findall(r"^```python\n(.*?)^```", card, re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_cards_program_runs(
    saved: tuple[Path, SearchResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, result = saved
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(compile(program(folder), "README.md", "exec"), names)
    assert names["architecture"] == result.architecture
    assert np.isfinite(names["loss"].item())
    assert all(p.grad is not None for p in names["network"].parameters())


def test_the_cards_program_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    save(results.of_cells(), tmp_path / "found", input_shape=IMAGES)
    script = program(tmp_path / "found") + "\nprint(sum(p.numel() for p in network.parameters()))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path / "found", env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == content(tmp_path / "found")["costs"]["params"]["value"]


def test_rank_among_all_and_direction(tmp_path: Path) -> None:
    result = results.of_cells()
    save(result, tmp_path / "f", input_shape=IMAGES, device="cpu", command="zc-plugins search `x`")
    card = (tmp_path / "f" / "README.md").read_text()
    column = [member.scores[1] for member in result.history]
    place = sum(score > result.winner.scores[1] for score in column) + 1
    assert f"| progressivity | {result.winner.scores[1]:.6g} | higher | {place} of 9 |" in card
    assert "\n```\nzc-plugins search `x`\n```\n" in card


def test_a_front_hands_over_its_best_or_another(tmp_path: Path) -> None:
    result = results.of_a_front()
    assert result.winner.scores[0] == max(member.scores[0] for member in result.history)
    save(result, tmp_path / "best", input_shape=(4,))
    save(result, tmp_path / "small", input_shape=(4,), member=result.best[0])
    assert content(tmp_path / "best")["architecture"] == result.winner.text
    assert content(tmp_path / "small")["architecture"] == result.best[0].text
    card = (tmp_path / "best" / "README.md").read_text()
    for place, member in enumerate(result.best, start=1):
        assert f"| {place} | {member.costs['flops']:.0f} | {member.scores[0]:.6g} |" in card


def test_a_network_that_cannot_be_counted_is_handed_over(tmp_path: Path) -> None:
    class Strange(nn.Linear):
        def forward(self, x: Any) -> Any:
            if self.training:
                raise RuntimeError("not <b>here</b> | ever")
            return super().forward(x)

    def build(trial: Any) -> nn.Module:
        return Strange(4, trial.suggest_int("width", 1, 8))

    scorer = Scorer(["l2_norm"], Excitation((4,)), device="cpu")
    result = search(ModuleSpace(build), scorer, candidates=3)
    save(result, tmp_path / "f", input_shape=(4,))
    costs = content(tmp_path / "f")["costs"]
    assert costs["depth"]["value"] is None
    assert costs["latency"]["value"] > 0
    assert "&lt;b&gt;here&lt;/b&gt; \\| ever" in (tmp_path / "f" / "README.md").read_text()


def test_names_are_escaped(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> | ![x](y) `z` *a*\n# b \x1b[31m $\\frac{1$"
    proxy = dataclasses.replace(params, name=hostile)
    scorer = Scorer([proxy], Excitation((4,)), device="cpu")
    result = search(ModuleSpace(results.build_model, hostile), scorer, candidates=3)
    save(result, tmp_path / "f", input_shape=(4,), command="run ``` <b>\n```\n# c")
    card = (tmp_path / "f" / "README.md").read_text()
    outside = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", card, flags=re.DOTALL | re.MULTILINE)
    assert "<script>" not in outside
    assert "\n# b" not in outside
    assert "\n# c" not in outside
    assert "\\!\\[x\\](y) \\`z\\` \\*a\\*" in outside
    for file in ("README.md", "history.csv", "architecture.json"):
        assert "\x1b" not in (tmp_path / "f" / file).read_text()
    rows = [line for line in outside.splitlines() if "alert" in line]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3, 5}


# Folders


def kept(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_an_earlier_card_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "found"
    save(results.of_cells(), folder, input_shape=IMAGES)
    save(results.of_a_builder(), folder, input_shape=(4,))
    assert content(folder)["architecture"] == results.of_a_builder().winner.text
    (folder / "weights.pt").write_bytes(b"a week of training")
    before = kept(folder)
    with pytest.raises(InvalidArgument, match=r"weights\.pt.*pass another folder"):
        save(results.of_cells(), folder, input_shape=IMAGES)
    assert kept(folder) == before
    assert os.listdir(tmp_path) == ["found"]


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_complete_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    folder = tmp_path / "found"
    if there:
        save(results.of_cells(), folder, input_shape=IMAGES)
    before = kept(folder) if there else None

    def fails(result: SearchResult) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(save_module, "search_plot", fails)
    with pytest.raises(InvalidArgument, match="no space left"):
        save(results.of_a_builder(), folder, input_shape=(4,))
    assert (kept(folder) if there else None) == before
    assert os.listdir(tmp_path) == ["found"] * there


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link", "missing/found"):
        with pytest.raises(InvalidArgument, match=name):
            save(results.of_a_builder(), tmp_path / name, input_shape=(4,))
    with pytest.raises(InvalidArgument, match=r"input_shape=\(5,\)"):
        save(results.of_a_builder(), tmp_path / "found", input_shape=(5,))


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"zc-plugins\[report\]"):
        save(results.of_a_builder(), tmp_path / "found", input_shape=(4,))


# Loading


def test_a_space_of_ones_own_must_be_passed(tmp_path: Path) -> None:
    result = results.of_a_builder()
    save(result, tmp_path / "f", input_shape=(4,))
    with pytest.raises(InvalidArgument, match="pass the space"):
        load(tmp_path / "f")
    space, architecture = load(tmp_path / "f", results.build_model)
    assert space.encode(architecture) == result.winner.text
    with pytest.raises(InvalidArgument, match="has no architecture"):
        load(tmp_path / "f", results.of_cells().space)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", '{"zc_plugins_architecture": 99}'):
        (tmp_path / "architecture.json").write_text(text)
        with pytest.raises(InvalidArgument, match="pass a folder that save wrote"):
            load(tmp_path)
    with pytest.raises(InvalidArgument, match="pass a folder that save wrote"):
        load(tmp_path / "missing")
