"""Nothing that lies on disk is run, and no name leads out of the folder that was asked for."""

from __future__ import annotations

import ast
import io
import json
import os
import pickle
import stat
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from torch import nn

from tests.faults.test_parsers import bank_in, file_in, written
from tests.test_cache import KEY, row
from tests.test_laws import FILES, TREES, calls, room
from zc_plugins import Excitation, ModuleSpace, Scorer
from zc_plugins.cache import ScoreCache
from zc_plugins.data._index import INDEX, recorded
from zc_plugins.data.add import add
from zc_plugins.discovery.bank import Bank
from zc_plugins.errors import InvalidArgument, ZeroCostError
from zc_plugins.optuna import ZeroCostPruner, ZeroCostSampler
from zc_plugins.predictors.mixer import load as load_mixer
from zc_plugins.report import load, save
from zc_plugins.report.curves import read_curves
from zc_plugins.search import search
from zc_plugins.spaces.stages import Stages

ROOT = Path(__file__).parents[2]

UNPICKLING = {
    "_scoring": "parcels between a pool's own processes",
    "nni": "NNI's checkpoints, and what NNI's manager hands to its trials",
    "testing": "a copy of a pruner that was just pickled",
}
"""Rooms that may unpickle, and what: nothing that another could have laid there."""

NEVER = {
    "eval", "exec", "system", "popen", "mktemp", "unsafe_load", "full_load", "Unpickler",
    "read_pickle",
}  # fmt: skip


def dotted(call: ast.Call) -> str:
    return ast.unparse(call.func)


@pytest.mark.parametrize("file", FILES)
def test_what_could_run_code_is_not_called(file: str) -> None:
    for call in calls(TREES[file]):
        name, last = dotted(call), dotted(call).rpartition(".")[2]
        given = {k.arg: ast.unparse(k.value) for k in call.keywords}
        # network.eval() is torch's.
        assert last not in NEVER or (last == "eval" and "." in name and not call.args), name
        assert given.get("shell", "False") == "False"
        assert given.get("allow_pickle", "False") == "False"
        if name in ("pickle.load", "pickle.loads", "joblib.load", "dill.load", "dill.loads"):
            assert room(file) in UNPICKLING, name
        if name == "torch.load" and room(file) not in UNPICKLING:
            assert given.get("weights_only") == "True"
        if name in ("yaml.load", "marshal.loads", "shelve.open"):
            pytest.fail(name)


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def bomb(tmp_path: Path) -> Iterator[bytes]:
    """A pickle that would leave a mark; the test fails if it is there afterwards."""
    mark = tmp_path / "the code was run"
    yield pickle.dumps(Bomb(mark))
    assert not mark.exists()


def test_the_bomb_goes_off(tmp_path: Path) -> None:
    """Otherwise the tests below would say nothing."""
    pickle.loads(pickle.dumps(Bomb(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()


def test_a_pickle_in_a_cache(bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    with ScoreCache(path) as cache:
        cache.put(*KEY, row())
        for content in (bomb, bomb.decode("latin-1")):
            cache._line().connection.execute("UPDATE scores SET row = ?", (content,))
            assert cache.get(*KEY) is None
            cache.put(*KEY, row())
    path.write_bytes(bomb)
    with pytest.raises(InvalidArgument):
        ScoreCache(path)


def _array_of_objects(bomb: bytes) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array([0, 1], dtype=object))
    head = file.getvalue()
    return head[: head.index(b"\n") + 1] + bomb


@pytest.mark.parametrize("wrapped", [bytes, _array_of_objects])
def test_a_pickle_in_a_bank(bomb: bytes, tmp_path: Path, wrapped: Callable[[bytes], bytes]) -> None:
    folder = tmp_path / "bank"
    bank_in(folder)
    with pytest.raises(InvalidArgument):
        Bank.open(file_in(folder, "values.npy", wrapped(bomb)))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("architecture.json", load),
        ("index.json", Bank.open),
        (INDEX, recorded),
        ("m.safetensors", lambda folder: load_mixer(folder / "m.safetensors")),
        ("curves.csv", read_curves),
    ],
)
def test_a_pickle_in_place_of_a_file(
    bomb: bytes, tmp_path: Path, name: str, read: Callable[[Path], Any]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ZeroCostError):
        read(file_in(folder, name, bomb))


def test_a_pickle_among_data_and_checkpoints(bomb: bytes, tmp_path: Path) -> None:
    checkpoint = tmp_path / "m.safetensors"
    with zipfile.ZipFile(checkpoint, "w") as file:
        file.writestr("archive/data.pkl", bomb)
    with pytest.raises(InvalidArgument):
        load_mixer(checkpoint)
    with zipfile.ZipFile(tmp_path / "odd.npz", "w") as file:
        file.writestr("a.npy", _array_of_objects(bomb))
    add(str(tmp_path / "odd.npz"), folder=tmp_path / "data")


def test_a_record_names_no_class_outside_of_the_spaces(tmp_path: Path) -> None:
    content = json.loads(written("architecture.json", tmp_path))
    mark = tmp_path / "mark"
    for kind in ("os.mkdir", "zc_plugins.spaces.module.os.mkdir", "pathlib.Path"):
        content["space"]["record"] = {"class": kind, "arguments": {"path": str(mark)}}
        with pytest.raises(InvalidArgument, match="cannot be made"):
            load(file_in(tmp_path, "architecture.json", json.dumps(content).encode()))
    assert not mark.exists()


def test_a_target_runs_the_file_that_is_named_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "candidates = {'a': lambda: nn.Linear(4, 2), 'b': lambda: nn.Linear(4, 3)}\n"
    )
    for name in ("other", "conftest", "setup", "__init__", "sitecustomize", "zc_plugins"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'ran')!r}, 'a').write('{name}')"
        )
    command = [
        sys.executable, "-m", "zc_plugins.cli", "rank", "mine.py:candidates", "--input-shape", "4",
        "--recipe", "size",
    ]  # fmt: skip
    # -P: python itself would look for modules in the working folder.
    command.insert(1, "-P")
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


# Names

NAMES = (
    "../../x",
    "/absolute",
    "a\0b",
    "n" * 5000,
    "con",
    "a/b",
    "..",
    "~root",
    "$(touch x)",
    "\n",
)


def everything_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:12]))
def test_a_studys_name_makes_no_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)

    def build(trial: Any) -> nn.Module:
        return nn.Linear(4, trial.suggest_int("width", 1, 9))

    def objective(trial: optuna.Trial) -> float:
        build(trial)
        if trial.should_prune():
            raise optuna.TrialPruned
        return 0.0

    space = ModuleSpace(build, name)
    own = Scorer(["params"], Excitation((4,)), device="cpu", cache=tmp_path / "scores.sqlite3")
    study = optuna.create_study(
        study_name=name,
        sampler=ZeroCostSampler(optuna.samplers.RandomSampler(seed=0), space, own),
        pruner=ZeroCostPruner(None, space, own, reference_size=3),
    )
    study.optimize(objective, n_trials=2)
    assert own.scored > 0
    assert everything_in(tmp_path) <= {
        "a", "a/b", "scores.sqlite3", "scores.sqlite3-wal", "scores.sqlite3-shm",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:12]))
def test_no_name_of_a_data_file_leads_out(name: str, tmp_path: Path) -> None:
    source, folder = tmp_path / "t.csv", tmp_path / "data"
    source.write_text("a,b\n1,2\n")
    for odd in (name, f"{name}.csv"):
        with suppress(InvalidArgument):
            assert add(str(source), name=odd, folder=folder).name == odd
    assert everything_in(tmp_path) <= {"t.csv", "data", "data/con.csv", f"data/{INDEX}"} | {
        "data/.zc_plugins_index.lock"
    }


@pytest.mark.parametrize("name", ["../t.csv", "/etc/passwd", "a\0b", ".."])
def test_an_index_that_names_a_file_elsewhere(name: str, tmp_path: Path) -> None:
    record = {"name": name, "source": "b", "size": 1, "sha256": "c", "format": "csv"}
    with pytest.raises(InvalidArgument, match="no file of this folder"):
        recorded(file_in(tmp_path, INDEX, json.dumps([record]).encode()))


WRITERS: dict[str, Callable[[str], Any]] = {
    "cache": ScoreCache,
    "journal": lambda path: search(
        Stages(), Scorer(["params"], Excitation((3, 32, 32))), candidates=1, journal=path
    ),
    "bank": lambda path: Bank((), np.zeros((0, 0), np.float32), np.array([0]), (), (), "s").save(
        path
    ),
    "card": lambda path: save(
        search(Stages(), Scorer(["params"], Excitation((3, 32, 32))), candidates=1),
        path,
        input_shape=(3, 32, 32),
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "name", ["a\0b", "n" * 5000, "no/such/folder/x\0"], ids=["nul", "long", "both"]
)
def test_paths_that_no_system_takes(
    writer: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidArgument):
        WRITERS[writer](str(tmp_path / name))
    assert not everything_in(tmp_path)


def test_a_journal_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "search.jsonl"
    WRITERS["journal"](str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_cache_behind_a_link_is_not_made_elsewhere(tmp_path: Path) -> None:
    """A link that another has laid must not make a file of his choice."""
    (tmp_path / "scores.sqlite3").symlink_to(tmp_path / "elsewhere")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidArgument):
            ScoreCache(tmp_path / "scores.sqlite3")
    assert not (tmp_path / "elsewhere").exists()
