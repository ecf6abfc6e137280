"""The command line: what is printed and written, exit statuses, files of the user, Ctrl-C."""

from __future__ import annotations

import csv
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from torch import nn
from typer.testing import CliRunner

from zc_plugins.cli._app import app
from zc_plugins.cli._builder_key import builder_key
from zc_plugins.cli._recipes import RECIPES
from zc_plugins.cli._target import loaded
from zc_plugins.errors import InvalidArgument
from zc_plugins.proxies import SHELF

ROOT = Path(__file__).parents[1]
SHAPE = ("--input-shape", "3,8,8", "--device", "cpu")
FAST = (*SHAPE, "--recipe", "size")

POOL = """
import functools
import sys
from torch import nn
from neighbour import OUTPUTS

print("noise of the user's file")
BUILT = []


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        BUILT.append(width)
        self.body = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU())
        self.more = nn.Sequential(nn.Conv2d(width, width, 3), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Linear(width, OUTPUTS)

    def forward(self, x):
        return self.head(self.more(self.body(x)).mean((2, 3)))


def build():
    return Net(8)


def wide():
    return Net(16)


network = Net(4)
candidates = {f"w{w}": functools.partial(Net, w) for w in (4, 8, 16)}
hostile = {"<script>alert(1)</script>[bold]\\x1b[31m": build}


def listed():
    return [build, wide, lambda: Net(5), lambda: Net(6), network]


def generated():
    yield build
    yield wide


def wrong_shape():
    return nn.Linear(7, 3)


def raises():
    raise ValueError("no luck")


def forward_raises():
    class Broken(nn.Module):
        def forward(self, x):
            raise KeyError("no such layer")

    return Broken()


def dead():
    layers = [nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Threshold(1e9, 0.0), nn.Flatten()]
    return nn.Sequential(*layers, nn.LazyLinear(3))


def number():
    return 3


empty = []
numbers = [3]
all_fail = [raises, wrong_shape]


def interrupted():
    def stop():
        raise KeyboardInterrupt

    return [build, wide, stop, network]


def build_model(trial):
    return Net(trial.suggest_int("width", 1, 32))


architectures = [{"width": 4}, '{"width": 12}', {"width": 8}]
cells = ["|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|"]
"""


@pytest.fixture
def pool(tmp_path: Path) -> str:
    (tmp_path / "neighbour.py").write_text("OUTPUTS = 10\n")
    (tmp_path / "pool.py").write_text(POOL)
    return str(tmp_path / "pool.py")


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def ranked(pool: str, *options: str, status: int = 0) -> list[dict[str, str]]:
    """The rows of the CSV file that a ranking writes."""
    file = Path(pool).with_name("ranking.csv")
    result = run("rank", pool, *options, "--csv", str(file))
    assert result.exit_code == status, result.output
    with file.open() as lines:
        return list(csv.DictReader(lines))


# proxies


def test_proxies() -> None:
    table = run("proxies").stdout
    found = json.loads(run("proxies", "--json").stdout)
    assert [entry["name"] for entry in found] == list(SHELF)
    for entry in found:
        proxy = SHELF[entry["name"]]
        assert entry["paper"] == proxy.paper
        assert entry["reads"] == proxy.reads
        assert entry["higher_is_better"] == proxy.higher_is_better
        assert proxy.name in table
        assert proxy.paper in table


# doctor


def test_doctor(pool: str) -> None:
    result = run("doctor", f"{pool}:build", *SHAPE)
    assert result.exit_code == 0
    for word in ("params", "multiply-adds", "bytes a sample", "seconds a sample", "alive", *SHELF):
        assert word in result.stdout
    assert "body.2" in result.stdout
    assert "noise" not in result.stdout


def test_doctor_as_json(pool: str) -> None:
    report = json.loads(run("doctor", f"{pool}:build", *SHAPE, "--json").stdout)
    parameters = sum(p.numel() for p in loaded(f"{pool}:build")().parameters())
    assert report["costs"]["params"]["value"] == parameters
    assert report["costs"]["latency"]["value"] > 0
    assert report["proxies"].keys() | report["checks"].keys() == set(SHELF)
    expressivity = report["proxies"]["expressivity"]
    assert expressivity["value"] > 0
    assert [layer["name"] for layer in expressivity["layers"]] == ["body.2", "more.2"]
    assert report["degenerate"] == []
    again = json.loads(run("doctor", f"{pool}:build", *SHAPE, "--json").stdout)
    assert again["proxies"] == report["proxies"]
    other = json.loads(run("doctor", f"{pool}:build", *SHAPE, "--json", "--seed", "1").stdout)
    assert other["proxies"]["expressivity"] != expressivity


@pytest.mark.parametrize("name", ["network", "Net.__mro__", "candidates"])
def test_doctor_takes_a_network_and_no_container(pool: str, name: str) -> None:
    result = run("doctor", f"{pool}:{name}", *SHAPE)
    assert result.exit_code == (0 if name == "network" else 1)
    if name != "network":
        assert "pass a torch.nn.Module" in result.stderr


BROKEN = {
    "wrong_shape": "does not fit the network",
    "raises": "ValueError: no luck (pool.py, line",
    "forward_raises": "no such layer",
    "number": "return a torch.nn.Module",
    "dead": "is degenerate",
    "netwrk": "did you mean network",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_is_told_in_a_line(pool: str, name: str) -> None:
    result = run("doctor", f"{pool}:{name}", *SHAPE)
    assert result.exit_code == 1
    assert BROKEN[name] in result.stderr


def test_checks_have_a_section_of_their_own(pool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    doctor_module = importlib.import_module("zc_plugins.cli.doctor")
    monkeypatch.setattr(doctor_module, "CHECKS", ("params",))
    report = json.loads(run("doctor", f"{pool}:build", *SHAPE, "--json").stdout)
    assert list(report["checks"]) == ["params"]
    assert "params" not in report["proxies"]
    printed = run("doctor", f"{pool}:build", *SHAPE).stdout
    assert printed.index("alive") < printed.rindex("params") < printed.index("expressivity")


OPTIONS = {
    "no shape": (("doctor", "x.py:f"), 2),
    "a word for a shape": (("doctor", "x.py:f", "--input-shape", "large"), 1),
    "a shape of zero": (("doctor", "x.py:f", "--input-shape", "3,0"), 1),
    "a batch of one": (("doctor", "x.py:f", *SHAPE, "--batch-size", "1"), 2),
    "an unknown device": (("doctor", "x.py:f", "--input-shape", "3", "--device", "moon"), 1),
    "no colon": (("doctor", "x.py", *SHAPE), 1),
    "no such file": (("doctor", "x.py:f", *SHAPE), 1),
    "no such module": (("doctor", "no_such_package.x:f", *SHAPE), 1),
    "an unknown recipe": (("rank", "x.py:f", *SHAPE, "--recipe", "az-nas"), 1),
    "an unknown proxy": (("rank", "x.py:f", *SHAPE, "--proxy", "expresivity"), 1),
    "an unknown ensemble": (("rank", "x.py:f", *SHAPE, "--ensemble", "bordo"), 1),
    "recipe and proxy": (("rank", "x.py:f", *FAST, "--proxy", "params"), 1),
    "a folder that is missing": (("rank", "x.py:f", *SHAPE, "--csv", "missing/x.csv"), 1),
    "a cache that is a folder": (("rank", "x.py:f", *SHAPE, "--resume", "."), 1),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_that_are_wrong(case: str) -> None:
    arguments, status = OPTIONS[case]
    result = run(*arguments)
    assert result.exit_code == status
    assert result.stderr
    assert not result.stdout


# Targets


def test_a_failing_import_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("import torch\n\nundefined\n")
    before = list(sys.path)
    with pytest.raises(InvalidArgument, match=r"NameError.*undefined.*bad.py, line 3"):
        loaded(f"{file}:x")
    file.write_text("raise SystemExit(3)\n")
    with pytest.raises(InvalidArgument, match="SystemExit: 3"):
        loaded(f"{file}:x")
    assert sys.path == before


def test_a_file_does_not_stand_in_for_a_module(tmp_path: Path) -> None:
    file = tmp_path / "random.py"
    file.write_text("x = 3\n")
    import random

    assert loaded(f"{file}:x") == 3
    assert sys.modules["random"] is random
    assert str(tmp_path) not in sys.path


def test_dotted_names() -> None:
    assert loaded("zc_plugins.proxies.params:params.name") == "params"


# rank


def test_rank_writes_what_it_prints(pool: str, tmp_path: Path) -> None:
    files = [f for kind in ("json", "html") for f in (f"--{kind}", str(tmp_path / f"r.{kind}"))]
    rows = ranked(f"{pool}:candidates", *SHAPE, "--batch-size", "4", *files)
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert {row["candidate"] for row in rows} == {"w4", "w8", "w16"}
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["settings"]["batch_size"] == 4
    for row, entry in zip(rows, content["candidates"], strict=True):
        assert row["candidate"] == entry["candidate"]
        assert float(row["expressivity"]) == entry["expressivity"]
    numbers = [entry["aggregate"] for entry in content["candidates"]]
    assert numbers == sorted(numbers, reverse=True)
    page = (tmp_path / "r.html").read_text()
    assert "w16" in page
    assert "http" not in page


POOLS = {
    "candidates": ["w16", "w8", "w4"],
    "generated": ["wide", "build"],
    "listed": ["wide", "build", "<lambda>[3]", "<lambda>[2]", "Net"],
}


@pytest.mark.parametrize("name", POOLS)
def test_pools_of_all_kinds(pool: str, name: str) -> None:
    rows = ranked(f"{pool}:{name}", *FAST)
    assert [row["candidate"] for row in rows] == POOLS[name]


@pytest.mark.parametrize("name", ["network", "number", "empty", "numbers", "raises", "all_fail"])
def test_what_is_no_pool(pool: str, name: str) -> None:
    result = run("rank", f"{pool}:{name}", *FAST)
    assert result.exit_code == 1
    assert "error: " in result.stderr


def test_architectures_of_a_space(pool: str) -> None:
    space = ("--space", f"{pool}:build_model")
    rows = ranked(f"{pool}:architectures", *FAST, *space)
    assert [row["candidate"] for row in rows] == [f'{{"width": {w}}}' for w in (12, 8, 4)]
    benchmark = ("--space", "zc_plugins.spaces.nasbench201:NasBench201")
    assert len(ranked(f"{pool}:cells", *FAST, *benchmark)) == 1
    wrong = run("rank", f"{pool}:cells", *FAST, *space)
    assert wrong.exit_code == 1
    assert "candidate 0 is no architecture" in wrong.stderr


def test_proxies_of_ones_choice(pool: str) -> None:
    chosen = ("--proxy", "params", "--proxy", "trainability", "--ensemble", "borda")
    rows = ranked(f"{pool}:candidates", *SHAPE, *chosen)
    assert {"params", "trainability"} < rows[0].keys()
    assert "expressivity" not in rows[0]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_offered(pool: str, name: str) -> None:
    shape = ("--input-shape", "3,16,16", "--batch-size", "4", "--device", "cpu")
    result = run("rank", f"{pool}:candidates", *shape, "--recipe", name)
    assert "3 of 3 candidates: 3 scored" in result.stderr


def test_failures_rank_last_with_their_reason(pool: str, tmp_path: Path) -> None:
    file = tmp_path / "mixed.py"
    file.write_text(f"{POOL}\nmixed = [raises, build]\n")
    rows = ranked(f"{file}:mixed", *FAST)
    assert [row["candidate"] for row in rows] == ["build", "raises"]
    assert rows[1]["rank"] == rows[1]["aggregate"] == rows[1]["params"] == ""
    assert "no luck" in rows[1]["note"]


def test_names_are_escaped(pool: str, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    result = run("rank", f"{pool}:hostile", *FAST, "--html", str(page))
    assert "<script>" not in page.read_text()
    assert "&lt;script&gt;" in page.read_text()
    assert "[bold]" in result.stdout
    assert "\x1b" not in result.stdout + page.read_text()


def test_top_cuts_the_print_and_not_the_file(pool: str) -> None:
    assert len(ranked(f"{pool}:candidates", *FAST, "--top", "1")) == 3
    result = run("rank", f"{pool}:candidates", *FAST, "--top", "1")
    assert "w16" in result.stdout
    assert "w4" not in result.stdout
    assert "2 more rows" in result.stderr


# Resume


def summary(pool: str, *options: str) -> tuple[int, int]:
    """Candidates scored, and found again."""
    result = run("rank", pool, *FAST, *options)
    found = re.search(r"(\d+) scored, (\d+) found again", result.stderr)
    assert found, result.output
    return int(found[1]), int(found[2])


def test_resume_scores_only_what_is_missing(pool: str, tmp_path: Path) -> None:
    kept = ("--resume", str(tmp_path / "scores.sqlite3"))
    assert summary(f"{pool}:candidates", *kept) == (3, 0)
    first = ranked(f"{pool}:candidates", *FAST)
    assert summary(f"{pool}:candidates", *kept) == (0, 3)
    again = ranked(f"{pool}:candidates", *FAST, *kept)
    assert [{**r, "seconds": ""} for r in first] == [{**r, "seconds": ""} for r in again]
    Path(pool).write_text(POOL.replace("in (4, 8, 16)", "in (4, 8, 16, 20)"))
    assert summary(f"{pool}:candidates", *kept) == (1, 3)
    # An edit of the class that the builders call.
    Path(pool).write_text(POOL.replace("mean((2, 3))", "amax((2, 3))"))
    assert summary(f"{pool}:candidates", *kept) == (3, 0)
    assert summary(f"{pool}:candidates", *kept, "--seed", "1") == (0, 3)
    assert summary(f"{pool}:candidates", *kept, "--input-shape", "3,9,9") == (3, 0)


def test_architectures_are_kept_too(pool: str, tmp_path: Path) -> None:
    kept = ("--resume", str(tmp_path / "s.sqlite3"), "--space", f"{pool}:build_model")
    assert summary(f"{pool}:architectures", *kept) == (3, 0)
    assert summary(f"{pool}:architectures", *kept) == (0, 3)


def test_networks_without_a_name_are_scored_anew(pool: str, tmp_path: Path) -> None:
    kept = ("--resume", str(tmp_path / "s.sqlite3"))
    assert summary(f"{pool}:listed", *kept) == (5, 0)
    assert summary(f"{pool}:listed", *kept) == (1, 4)
    result = run("rank", f"{pool}:listed", *FAST, *kept)
    assert "1 of them, networks without a name" in result.stderr


# Keys


class Width:
    def __init__(self, width: int) -> None:
        self.width = width


class Opaque:
    __slots__ = ("width",)

    def __init__(self, width: int) -> None:
        self.width = width


def of_width(width: Any) -> Any:
    return lambda: nn.Linear(width.width, 3)


def test_keys_tell_builders_apart() -> None:
    builders = [
        of_width(Width(1)),
        of_width(Width(2)),
        lambda: nn.Linear(1, 3),
        lambda: nn.Linear(2, 3),
        lambda: nn.Conv1d(2, 3, 1),
        nn.Identity,
        nn.Linear(2, 3),
        nn.Linear(2, 4),
    ]
    keys = [builder_key(builder) for builder in builders]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert keys[0] == builder_key(of_width(Width(1)))
    assert keys[-1] == builder_key(nn.Linear(2, 4))


def test_no_key_for_what_cannot_be_told_apart() -> None:
    assert builder_key(of_width(Opaque(1))) is None
    endless: list[Any] = []
    for _ in range(10_000):
        endless = [endless]
    assert builder_key(lambda: endless) is None


def test_keys_are_the_same_in_every_process(pool: str) -> None:
    code = (
        "import sys\n"
        "from zc_plugins.cli._builder_key import builder_key\n"
        "from zc_plugins.cli._target import loaded\n"
        "for name in ('build', 'network', 'listed', 'build_model'):\n"
        "    print('key', builder_key(loaded(sys.argv[1] + ':' + name)))\n"
    )
    printed = [
        subprocess.run(
            [sys.executable, "-c", code, pool],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert printed[0] == printed[1]
    assert printed[0].count("key") == 4
    assert "None" not in printed[0]


# Ctrl-C


def test_an_interrupt_keeps_what_was_scored(pool: str) -> None:
    rows = ranked(f"{pool}:interrupted", *FAST, status=130)
    assert {row["candidate"] for row in rows} == {"build", "wide"}


SLOW = """
import sys, time
from torch import nn

class Net(nn.Linear):
    def __init__(self, width):
        sys.stderr.write(f"built {width}\\n")
        time.sleep(0.1)
        super().__init__(4, width)

def of(width):
    return lambda: Net(width)

candidates = {f"w{w}": of(w) for w in range(1, 21)}
"""


def test_ctrl_c_and_resume(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    command = [
        sys.executable, "-m", "zc_plugins.cli", "rank", "slow.py:candidates", "--recipe", "size",
        "--input-shape", "4", "--device", "cpu", "--resume", "s.sqlite3", "--csv", "r.csv",
        "--html", "r.html",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if line == "built 3\n":
                process.send_signal(signal.SIGINT)
                break
        output, remarks = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in remarks
    assert "w3" in output
    with (tmp_path / "r.csv").open() as file:
        done = len(list(csv.DictReader(file)))
    assert 2 <= done < 20
    assert "w1" in (tmp_path / "r.html").read_text()
    again = subprocess.run(
        command, cwd=tmp_path, env=environment, text=True, capture_output=True, check=True
    )
    assert f"{20 - done} scored, {done} found again" in again.stderr
    with (tmp_path / "r.csv").open() as file:
        values = [float(row["params"]) for row in csv.DictReader(file)]
    np.testing.assert_array_equal(values, [5 * w for w in range(20, 0, -1)])


# Installation


def test_the_commands_of_the_readme(
    tmp_path: Path, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZC_PLUGINS_DATA", str(tmp_path / "data"))
    Path(pool).with_name("models.py").write_text(POOL)
    Path(pool).with_name("my_table.csv").write_text("space,accuracy\nautoformer,3\n")
    lines = re.findall(r"^zc-plugins (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    Path(pool).with_name("curves.csv").write_text(
        "problem,method,seed,seconds,trainings,regret\nt,random,0,0,0,4\nt,random,0,9,1,2\n"
    )
    database = optuna.storages.RDBStorage("sqlite:///study.db")
    optuna.create_study(storage=database)
    database.engine.dispose()
    commands = {"doctor", "rank", "search", "proxies", "report", "data"}
    assert {line.split()[0] for line in lines} == commands
    for line in lines:
        smaller = line.replace("3,32,32", "3,8,8").replace("candidates 1000", "candidates 3")
        assert run(*smaller.split()).exit_code == 0
    assert (tmp_path / "ranking.html").is_file()
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "study.html").is_file()
    assert (tmp_path / "data" / "vitbench101_autoprox.csv").is_file()


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_the_extra(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; import zc_plugins.cli as c; c.main()"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert result.returncode == 1
    assert "pip install 'zc-plugins[cli]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_entry_point_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["zc-plugins"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))
