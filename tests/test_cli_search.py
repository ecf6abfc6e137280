"""``zc-plugins search``: what it prints and writes, wrong options, Ctrl-C, going on."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from zc_plugins.cli._app import app
from zc_plugins.report import load

ROOT = Path(__file__).parents[1]
SHAPE = ("--input-shape", "3,8,8", "--device", "cpu")
TINY = (
    "SuperConvK3BNRELU(3,8,1,1)SuperResIDWE1K3(8,8,2,8,1)SuperResIDWE1K3(8,16,2,8,1)"
    "SuperConvK1BNRELU(16,32,1,1)"
)
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|"
STAGES = (*SHAPE, "--start", TINY)

MODELS = """
import os, signal, sys, time
from torch import nn
from neighbour import OUTPUTS

print("noise of the user's file")


def build_model(trial):
    print("noise of the user's builder")
    width = trial.suggest_int("width", 1, 64)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, width), nn.ReLU(), nn.Linear(width, OUTPUTS))


class Fickle(nn.Linear):
    def forward(self, x):
        x = x.flatten(1)
        return super().forward(x if float(x.detach().sum()) > 0 else -x)


def fickle(trial):
    return Fickle(192, trial.suggest_int("width", 1, 64))


def slow(trial):
    sys.stderr.write("built\\n")
    sys.stderr.flush()
    time.sleep(0.05)
    return build_model(trial)


if os.environ.get("STOP_AT_ONCE"):
    os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.fixture
def models(tmp_path: Path) -> str:
    (tmp_path / "neighbour.py").write_text("OUTPUTS = 10\n")
    (tmp_path / "models.py").write_text(MODELS)
    return str(tmp_path / "models.py")


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ("search", *arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output, result.output
    return result


def facts(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "architecture.json").read_text())
    return read


def history(folder: Path) -> list[dict[str, str]]:
    """The lines of the history."""
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def timeless(lines: list[dict[str, str]]) -> list[dict[str, str]]:
    """Without what a clock has written."""
    return [{**line, "seconds": ""} for line in lines]


def test_stages_within_a_budget(tmp_path: Path) -> None:
    limits = ("--params", "2e4", "--flops", "3e5", "--depth", "40", "--activation-memory", "1e6")
    out = tmp_path / "found"
    options = ("--classes", "7", "--candidates", "8", "--latency-ms", "1000", "--batch-size", "3")
    result = run(*STAGES, *limits, *options, "--seed", "1", "--out", str(out))
    assert result.exit_code == 0, result.output
    read = facts(out)
    assert result.stdout.splitlines()[-1] == read["architecture"]
    assert "multiply-adds a sample" in result.stdout
    assert f"the result is in {out}" in result.stderr
    costs = {name: cost["value"] for name, cost in read["costs"].items()}
    assert costs["params"] <= 2e4
    assert costs["flops"] <= 3e5
    assert costs["depth"] <= 40
    assert costs["activation_memory"] <= 1e6
    assert read["costs"]["latency"]["batch_size"] == 3
    assert read["search"]["seed"] == 1
    space, architecture = load(out)
    network = space.build(architecture)
    assert sum(p.numel() for p in network.parameters()) == costs["params"]
    assert network(torch.zeros(2, 3, 8, 8)).shape == (2, 7)
    # As in the paper, the networks that were scored have no residual links.
    assert "-plain-" in read["search"]["scored_in"]
    assert "-plain-" not in space.name
    assert len(history(out)) == 8
    assert {"cost_params", "cost_latency"} <= history(out)[0].keys()


def test_other_scorers_see_the_links(tmp_path: Path) -> None:
    out = tmp_path / "found"
    assert run(*STAGES, "--scorer", "size", "--candidates", "3", "--out", str(out)).exit_code == 0
    read = facts(out)["search"]
    assert read["scored_in"] == read["space"]
    assert read["proxies"] == ["params", "complexity"]


@pytest.mark.parametrize(
    ("name", "scorer", "kind"),
    [
        ("zen", "size", "ZenEvolution"),
        ("az", "az_nas", "AzEvolution"),
        ("random", "size", "RandomSearch"),
    ],
)
def test_evolutions(tmp_path: Path, name: str, scorer: str, kind: str) -> None:
    out = ("--out", str(tmp_path / "found"), "--candidates", "2", "--scorer", scorer)
    assert run(*SHAPE, "--space", "nasbench201", *out, "--evolution", name).exit_code == 0
    assert kind in facts(tmp_path / "found")["search"]["by"]


def test_a_front(tmp_path: Path) -> None:
    out = tmp_path / "found"
    front = ("--evolution", "front:flops", "--flops", "2e5", "--candidates", "10")
    result = run(*STAGES, *front, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "cheapest first" in result.stdout
    members = [line for line in history(out) if line["place"]]
    best = max(members, key=lambda line: float(line["score_zen_score"]))
    assert facts(out)["architecture"] == best["text"]


def test_a_start(tmp_path: Path) -> None:
    out = tmp_path / "found"
    options = ("--space", "nasbench201", "--scorer", "size", "--start", CELL, "--candidates", "2")
    assert run(*SHAPE, *options, "--out", str(out)).exit_code == 0
    for line in history(out):
        changed = zip(
            re.findall(r"\w+(?=~)", line["text"]), re.findall(r"\w+(?=~)", CELL), strict=True
        )
        assert sum(here != there for here, there in changed) == 1


def test_a_space_of_ones_own(models: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "found"
    options = ("--space", f"{models}:build_model", "--scorer", "size", "--candidates", "4")
    result = run(*SHAPE, *options, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "noise" not in result.stdout
    (program,) = re.findall(
        r"^```python\n(.*?)^```", (out / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert str(tmp_path) not in program
    monkeypatch.chdir(out)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("models", "neighbour"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    names: dict[str, Any] = {}
    exec(compile(program, "README.md", "exec"), names)
    for name in ("models", "neighbour"):
        sys.modules.pop(name, None)
    assert (
        sum(p.numel() for p in names["network"].parameters())
        == (facts(out)["costs"]["params"]["value"])
    )


def test_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    out = tmp_path / "found"
    assert run(*STAGES, "--candidates", "2", "--onnx", "--out", str(out)).exit_code == 0
    onnx.checker.check_model(str(out / "network.onnx"), full_check=True)


def test_a_network_without_an_onnx_form_is_handed_over(models: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    options = ("--space", f"{models}:fickle", "--scorer", "size", "--candidates", "2", "--onnx")
    result = run(*SHAPE, *options, "--out", str(tmp_path / "found"))
    assert result.exit_code == 1
    assert "cannot be exported to ONNX" in result.stderr
    assert (tmp_path / "found" / "README.md").is_file()


WRONG = {
    "no shape": (("--space", "stages"), 2, "--input-shape"),
    "an unknown space": ((*SHAPE, "--space", "stage"), 1, "did you mean 'stages'"),
    "an unknown scorer": ((*SHAPE, "--scorer", "zen-nas"), 1, "did you mean 'zen_nas'"),
    "an unknown evolution": ((*SHAPE, "--evolution", "zem"), 1, "did you mean 'zen'"),
    "an unknown device": ((*SHAPE[:2], "--device", "moon"), 1, "pass auto or cpu"),
    "a front without a cost": ((*SHAPE, "--evolution", "front"), 1, "front:latency"),
    "a front without a limit": (
        (*SHAPE, "--evolution", "front:latency", "--flops", "1e9"), 1, "--latency-ms"
    ),
    "a cost with zen": ((*SHAPE, "--evolution", "zen:flops", "--flops", "1e9"), 1, "front:"),
    "no candidates": ((*SHAPE, "--candidates", "0"), 2, "--candidates"),
    "no time": ((*SHAPE, "--seconds", "0"), 1, "pass positive numbers"),
    "a limit of zero": ((*SHAPE, "--latency-ms", "0"), 1, "pass a positive number"),
    "a limit that nothing keeps": ((*STAGES, "--params", "10"), 1, "over 10): raise the budget"),
    "a start that is none": ((*SHAPE, "--start", "deep"), 1, "--start 'deep'"),
    "a start that is no cell": (
        (*SHAPE, "--space", "nasbench201", "--start", "deep"), 1, "--start 'deep' is no"
    ),
    "a start without a use": (
        (*SHAPE, "--space", "nasbench201", "--start", CELL, "--evolution", "random"), 1,
        "leave one of them out"
    ),
    "classes of another's space": (
        (*SHAPE, "--space", "zc_plugins.spaces.darts:Darts", "--classes", "3"), 1, "--classes 3"
    ),
    "onnx without a folder": ((*SHAPE, "--onnx"), 1, "--out"),
    "a folder in none": ((*SHAPE, "--out", "missing/found"), 1, "missing/found"),
    "a folder of other things": ((*SHAPE, "--out", "."), 1, "pass another folder"),
    "a journal that is a folder": ((*SHAPE, "--journal", "."), 1, "pass a file"),
    "workers of no number": ((*SHAPE, "--workers", "many"), 1, "--workers"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_options_that_are_wrong(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thesis.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    arguments, status, remedy = WRONG[case]
    result = run(*arguments)
    assert result.exit_code == status, result.output
    assert remedy in re.sub(r"\x1b\[[0-9;]*m", "", result.stderr)
    assert not result.stdout
    assert os.listdir(tmp_path) == ["thesis.txt"]


def test_a_journal_of_another_search(tmp_path: Path) -> None:
    journal = ("--journal", str(tmp_path / "j.jsonl"), "--candidates", "2")
    assert run(*STAGES, *journal).exit_code == 0
    result = run(*STAGES, *journal, "--params", "1e5")
    assert result.exit_code == 1
    assert "pass the same arguments" in result.stderr


# Ctrl-C


def command(models: str, builder: str, *options: str) -> list[str]:
    space = ("--space", f"{Path(models).name}:{builder}", "--scorer", "size", "--evolution", "zen")
    return [sys.executable, "-m", "zc_plugins.cli", "search", *space, *SHAPE, *options]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def test_ctrl_c_writes_the_result_and_the_same_command_goes_on(
    models: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--journal", "j.jsonl", "--out", "found", "--candidates", "20")
    line = command(models, "slow", *options)
    with subprocess.Popen(
        line, cwd=tmp_path, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        built = 0
        for remark in process.stderr:
            built += remark == "built\n"
            if built == 4:
                process.send_signal(signal.SIGINT)
                break
        output, remarks = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in remarks
    assert "Ctrl-C again stops at once" in remarks
    first = history(tmp_path / "found")
    assert 2 <= len(first) < 20
    assert output.splitlines()[-1] == facts(tmp_path / "found")["architecture"]
    assert f"zc-plugins {shlex.join(line[3:])}" in (tmp_path / "found" / "README.md").read_text()
    again = subprocess.run(
        line, cwd=tmp_path, env=environment(), text=True, capture_output=True, check=True
    )
    assert "the result is in found" in again.stderr
    monkeypatch.chdir(tmp_path)
    whole = command(models, "slow", "--out", "whole", "--candidates", "20")
    assert run(*whole[4:]).exit_code == 0
    resumed = history(tmp_path / "found")
    assert timeless(resumed) == timeless(history(tmp_path / "whole"))
    # With their seconds: they come from the journal.
    kept = [(line["text"], line["seconds"]) for line in first]
    assert [(line["text"], line["seconds"]) for line in resumed[: len(first)]] == kept


def test_ctrl_c_before_the_first_score(models: str, tmp_path: Path) -> None:
    result = subprocess.run(
        command(models, "build_model", "--out", "found"),
        cwd=tmp_path, env=environment(STOP_AT_ONCE="1"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 130
    assert "stopped before anything was scored" in result.stderr
    assert not (tmp_path / "found").exists()


def test_the_bar(models: str, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="there are no terminals to imitate")
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 160))
    line = command(models, "slow", "--candidates", "8")
    with subprocess.Popen(
        line, cwd=tmp_path, env=environment(CI=""), stdout=subprocess.DEVNULL, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):
            while part := os.read(ours, 4096):
                shown += part
    os.close(ours)
    assert process.returncode == 0
    bar = shown.decode()
    assert re.search(r"searching.*\d/8.*candidates.*accepted=\d+%.*best=", bar), bar
