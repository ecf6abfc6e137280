"""``zc-plugins evolve``, end to end on a tiny space."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from zc_plugins import Excitation, Scorer
from zc_plugins.cli._app import app
from zc_plugins.discovery.bank import Bank
from zc_plugins.discovery.evolution import found_json
from zc_plugins.spaces.nasbench201 import NasBench201

SPACE = """
from zc_plugins.spaces.nasbench201 import NasBench201
space = NasBench201(channels=4, cells_per_stage=1)
"""
TINY = NasBench201(channels=4, cells_per_stage=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.py").write_text(SPACE)
    cells = [TINY.encode(cell) for place, cell in enumerate(TINY) if place % 650 == 7]
    with (tmp_path / "results.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["architecture", "accuracy"])
        # More convolutions of 3 x 3 are better; two rows of one architecture are one network.
        writer.writerows([cell, 60 + 3 * cell.count("3x3") + n % 3] for n, cell in enumerate(cells))
        writer.writerow([cells[0], 60 + 3 * cells[0].count("3x3")])
    return tmp_path


def run(folder: Path, *more: str) -> Any:
    result = CliRunner().invoke(
        app,
        ("evolve", "--space", f"{folder / 'tiny.py'}:space", "--table", str(folder / "results.csv"),
         "--out", str(folder / "out"), "--input-shape", "3,8,8", "--device", "cpu",
         "--batch-size", "2", "--population", "12", *more),
    )  # fmt: skip
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_evolved_saved_and_gone_on(folder: Path) -> None:
    result = run(folder, "--generations", "1", "--training", "16")
    assert result.exit_code == 0, result.output
    best = found_json(folder / "out" / "best.json")
    assert result.stdout.strip().splitlines()[-1] == f"{best.reduce} {best.expression}"
    assert "tau on 16 training networks" in result.stdout
    state = json.loads((folder / "out" / "evolution.json").read_text())
    assert len(state["history"]) == 2
    # The bank holds what a scorer finds for the evolved proxy.
    bank = Bank.open(folder / "out" / "bank")
    pool = [TINY.decode(network) for network in bank.networks[:3]]
    scorer = Scorer([best.proxy("evolved")], Excitation((3, 8, 8), batch_size=2), device="cpu")
    scores = scorer.score(pool, space=TINY, workers=1).column("evolved")
    held = bank.scores(best.expression, reduce=best.reduce)
    np.testing.assert_allclose(scores, held[:3], rtol=1e-4)
    assert run(folder, "--generations", "2", "--training", "16").exit_code == 0
    longer = json.loads((folder / "out" / "evolution.json").read_text())
    assert longer["history"][:2] == state["history"]
    assert len(longer["history"]) == 3
    refused = run(folder, "--generations", "2", "--training", "16", "--seed", "1")
    assert refused.exit_code == 1
    assert "other settings" in refused.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nonsense,3", "line 2: 'nonsense', '3' is no architecture"),
        ("{cell},good", "could not convert string to float"),
        ("{cell},3,4", "line 2 has 3 columns"),
    ],
)
def test_a_wrong_line_is_named(folder: Path, line: str, told: str) -> None:
    cell = TINY.encode(next(iter(TINY)))
    (folder / "results.csv").write_text("architecture,accuracy\n" + line.format(cell=cell) + "\n")
    result = run(folder)
    assert result.exit_code == 1
    assert told in " ".join(result.stderr.split())
    assert not (folder / "out").exists()


def test_a_table_of_a_spreadsheet(folder: Path) -> None:
    table = folder / "results.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"\n", b"\r\n"))
    result = run(folder, "--generations", "0", "--training", "16")
    assert result.exit_code == 0, result.output


def test_a_file_in_place_of_the_folder(folder: Path) -> None:
    (folder / "out").write_text("")
    result = run(folder)
    assert result.exit_code == 1
    assert "is a file: pass a folder" in " ".join(result.stderr.split())


def test_too_few_networks(folder: Path) -> None:
    cells = [TINY.encode(cell) for place, cell in enumerate(TINY) if place < 5]
    (folder / "results.csv").write_text("".join(f"{cell},1\n" for cell in cells))
    result = run(folder)
    assert result.exit_code == 1
    assert "pass 16 or more to evolve on, and 8 or more others" in " ".join(result.stderr.split())
