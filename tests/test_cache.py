"""Scores on disk: exact, shared, durable, never stale, and never in the way of scoring."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import pickle
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import zc_plugins.cache as cache_module
from zc_plugins import Excitation, ModuleSpace, Scorer
from zc_plugins.cache import ScoreCache, code_version
from zc_plugins.errors import Degenerate, InvalidArgument, Unscorable
from zc_plugins.proxies import SHELF, Proxy
from zc_plugins.proxies._proxy import LayerScores, ScoreRow
from zc_plugins.spaces.module import Suggestions

KEY = ("space", "architecture", "settings")
NAN = float("nan")


def row(value: float = 1.5, **entries: Any) -> ScoreRow:
    return {"params": LayerScores(value, np.array([value, 0.1]), ("stem", "head"), **entries)}


def narrow(trial: Any) -> nn.Module:
    return nn.Linear(4, trial.suggest_int("width", 1, 9))


def widths(*wanted: int) -> list[Suggestions]:
    return [Suggestions.of({"width": width}) for width in wanted]


def scorer(path: Path | ScoreCache | None, **settings: Any) -> Scorer:
    return Scorer(["params", "complexity"], Excitation((4,)), cache=path, device="cpu", **settings)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scores.sqlite3"


@pytest.fixture
def cache(path: Path) -> Iterator[ScoreCache]:
    with ScoreCache(path) as opened:
        yield opened


# Rows


def test_a_row_comes_back_as_it_was(cache: ScoreCache) -> None:
    numbers = np.random.default_rng(0).standard_normal(50) * 10.0 ** np.arange(-280, 320, 12)
    numbers[:6] = [np.nan, np.inf, -np.inf, -0.0, 5e-324, np.finfo(float).max]
    names = tuple(f"layer {place} ä\0\n'\"" for place in range(50))
    wanted = {
        "a": LayerScores(0.1 + 0.2, numbers, names),
        "b": LayerScores(NAN, np.empty(0), (), "the output is dead", True),
    }
    cache.put(*KEY, wanted)
    found = cache.get(*KEY)
    assert found is not None
    assert found.keys() == wanted.keys()
    for name, scores in found.items():
        for field in dataclasses.fields(LayerScores):
            got, given = getattr(scores, field.name), getattr(wanted[name], field.name)
            np.testing.assert_array_equal(got, given)
            assert type(got) is type(given)
    assert found["a"].layers.tobytes() == numbers.tobytes()


def test_a_row_holds_all_that_a_proxy_gives() -> None:
    known = {"value", "layers", "names", "note", "degenerate"}
    assert {field.name for field in dataclasses.fields(LayerScores)} == known


def test_every_part_of_the_key_counts(cache: ScoreCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put(*KEY, row())
    assert cache.get(*KEY) is not None
    for place in range(3):
        other = [*KEY]
        other[place] += "'; DROP TABLE scores; --"
        assert cache.get(*other) is None
    monkeypatch.setattr(cache_module, "code_version", lambda: "edited")
    assert cache.get(*KEY) is None
    cache.put(*KEY, row())
    assert len(cache) == 2


def test_the_first_row_of_a_key_stays(cache: ScoreCache) -> None:
    cache.put(*KEY, row(1.0))
    cache.put(*KEY, row(2.0))
    found = cache.get(*KEY)
    assert found is not None
    assert found["params"].value == 1.0
    assert len(cache) == 1


def test_clear(cache: ScoreCache) -> None:
    assert bool(cache)
    cache.put(*KEY, row())
    assert len(cache) == 1
    cache.clear()
    assert len(cache) == 0
    assert cache.get(*KEY) is None


def test_texts_that_unicode_does_not_know(cache: ScoreCache) -> None:
    with pytest.warns(RuntimeWarning, match="goes on without"):
        assert cache.get("\ud800", "a", "s") is None


# Code versions


def test_code_version_follows_the_files_that_scores_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "zc_plugins"
    shutil.copytree(Path(cache_module.__file__).parent, copy)
    here = code_version()
    monkeypatch.setattr(cache_module, "__file__", str(copy / "cache.py"))
    version = code_version.__wrapped__
    assert version() == here
    (copy / "optuna" / "sampler.py").write_text("")
    assert version() == here
    for file in ("proxies/params.py", "probes/_blocks.py", "costs/flops.py", "_pristine.py"):
        before = version()
        (copy / file).write_text((copy / file).read_text() + "#\n")
        assert version() != before
    before = version()
    monkeypatch.setattr(torch, "__version__", "0")
    assert version() != before


# Files


def test_a_new_file_is_its_owners_only(path: Path) -> None:
    with ScoreCache(path) as cache:
        cache.put(*KEY, row())
        files = list(path.parent.iterdir())
        assert len(files) > 1
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("content", [b"no database" * 200, b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_of_another_kind(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match="pass another path, or move"):
        ScoreCache(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE scores (x)")
    other.close()
    content = path.read_bytes()
    with pytest.raises(InvalidArgument, match="of another program"):
        ScoreCache(path)
    assert path.read_bytes() == content


def test_a_damaged_file(path: Path) -> None:
    with ScoreCache(path) as cache:
        for place in range(300):
            cache.put("space", f"{place}" * 20, "settings", row())
    content = bytearray(path.read_bytes())
    content[100:] = os.urandom(len(content) - 100)
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match="damaged"):
        ScoreCache(path)
    assert path.read_bytes() == content


def test_damage_that_shows_later_does_not_stop_scoring(path: Path) -> None:
    with ScoreCache(path) as cache:
        cache.put(*KEY, row())
        _damage_all_but_the_header(path, cache)
        with pytest.warns(RuntimeWarning, match="scoring goes on without it") as warned:
            table = scorer(cache).score(widths(1, 2), space=ModuleSpace(narrow))
        assert len(warned) == 1
        assert table.scored.all()


def _damage_all_but_the_header(path: Path, cache: ScoreCache) -> None:
    cache.close()
    content = bytearray(path.read_bytes())
    # Behind the schema, the second page holds the table.
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


def test_an_empty_file_is_taken(path: Path) -> None:
    path.touch()
    with ScoreCache(path) as cache:
        cache.put(*KEY, row())
        assert len(cache) == 1


@pytest.mark.parametrize("where", ["missing/scores.sqlite3", "."])
def test_places_without_a_file(tmp_path: Path, where: str) -> None:
    with pytest.raises(InvalidArgument, match="pass"):
        ScoreCache(tmp_path / where)


def test_odd_names(tmp_path: Path) -> None:
    odd = tmp_path / "a?mode=memory #1 %20 ä.sqlite3"
    with ScoreCache(odd) as cache:
        cache.put(*KEY, row())
    assert odd.is_file()


# Trouble


def test_a_read_only_file_is_read_or_left_alone() -> None:
    folder = Path(tempfile.mkdtemp())
    with ScoreCache(folder / "scores.sqlite3") as cache:
        scorer(cache).score(widths(1), space=ModuleSpace(narrow))
    cache.path.chmod(0o444)
    folder.chmod(0o555)
    user = os.geteuid()
    try:
        if user == 0:
            # Rights do not bind the superuser.
            os.seteuid(65534)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            table = scorer(cache.path).score(widths(1, 2, 3), space=ModuleSpace(narrow))
    finally:
        os.seteuid(user)
        folder.chmod(0o755)
    assert len(warned) == 1
    assert "scoring goes on without it" in str(warned[0].message)
    assert table.scored.all()
    shutil.rmtree(folder)


def test_a_full_disk(path: Path) -> None:
    space = ModuleSpace(narrow)
    with ScoreCache(path) as cache:
        scorer(cache).score(widths(1), space=space)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                full = scorer(cache)
                table = full.score(widths(1, 2, 3), space=space)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert [w.category for w in warned] == [RuntimeWarning]
        assert table.scored.all()
        # What is there is still read.
        assert full.scored == 2
        assert len(cache) == 1


def test_what_was_asked_for_explicitly_raises(path: Path) -> None:
    with ScoreCache(path) as cache:
        cache._line().connection.execute("PRAGMA query_only = ON")
        with pytest.raises(InvalidArgument, match="cannot be used"):
            cache.clear()


def test_a_killed_writer_leaves_a_sound_file(path: Path) -> None:
    code = (
        "import itertools, sys, numpy as np\n"
        "from tests.test_cache import row\n"
        "from zc_plugins.cache import ScoreCache\n"
        "cache = ScoreCache(sys.argv[1])\n"
        "for place in itertools.count():\n"
        "    cache.put('space', str(place), 'settings', row(float(place)))\n"
        "    place == 20 and print('going', flush=True)\n"
    )
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, cwd=root
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"going\n"
        writer.send_signal(signal.SIGKILL)
    with ScoreCache(path) as cache:
        assert cache._line().connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        count = len(cache)
        assert count > 20
        for place in range(count):
            found = cache.get("space", str(place), "settings")
            assert found is not None
            assert found["params"].value == place
        cache.put(*KEY, row())
        assert len(cache) == count + 1


# Company


def write_many(path: Path, worker: int) -> int:
    """Keys of one's own, and keys that all write."""
    with warnings.catch_warnings(), ScoreCache(path) as cache:
        warnings.simplefilter("error")
        for place in range(100):
            cache.put("space", f"{worker}:{place}", "settings", row(float(worker)))
            cache.put("space", f"same:{place}", "settings", row(float(worker)))
        return sum(cache.get("space", f"same:{p}", "settings") is not None for p in range(100))


def test_several_processes_write_at_once(path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.starmap(write_many, [(path, worker) for worker in range(4)], chunksize=1)
    assert found == [100] * 4
    with ScoreCache(path) as cache:
        assert len(cache) == 4 * 100 + 100
        for worker in range(4):
            kept = cache.get("space", f"{worker}:99", "settings")
            assert kept is not None
            assert kept["params"].value == worker


def test_threads_share_a_cache(cache: ScoreCache) -> None:
    def write(place: int) -> bool:
        cache.put("space", str(place % 50), "settings", row())
        return cache.get("space", str(place % 50), "settings") is not None

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(write, range(400)))
    assert len(cache) == 50


def test_one_thread_at_a_time_has_the_connection(cache: ScoreCache) -> None:
    """Python's sqlite3 breaks now and then otherwise: seen with 3.12 on 16 cores."""
    inside, most = 0, 0

    class Watched(sqlite3.Connection):
        def execute(self, *arguments: Any) -> Any:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            time.sleep(1e-3)
            inside -= 1
            return super().execute(*arguments)

    line = cache._line()
    line.connection.close()
    line.connection = sqlite3.connect(
        cache.path, factory=Watched, check_same_thread=False, isolation_level=None
    )
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda place: cache.get(*KEY), range(40)))
        list(threads.map(lambda place: cache.put(*KEY, row()), range(40)))
    assert most == 1


def test_a_fork_opens_a_connection_of_its_own(cache: ScoreCache) -> None:
    cache.put(*KEY, row())
    child = os.fork()
    if child == 0:
        try:
            cache.put("space", "from the child", "settings", row())
            os._exit(0 if len(cache._lines) == 2 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(cache) == 2


def test_a_cache_travels_between_processes(cache: ScoreCache) -> None:
    cache.put(*KEY, row())
    with pickle.loads(pickle.dumps(cache)) as copy:
        assert copy.path == cache.path
        assert copy.get(*KEY) is not None


def test_a_cache_that_travelled_too_far(path: Path) -> None:
    with ScoreCache(path) as cache:
        copy = pickle.loads(pickle.dumps(cache))
    path.unlink()
    with pytest.warns(RuntimeWarning, match="scoring goes on without it"):
        table = scorer(copy).score(widths(1), space=ModuleSpace(narrow))
    assert table.scored.all()
    assert not path.exists()


# Scorers


def test_a_second_scorer_scores_only_what_is_missing(path: Path) -> None:
    space, first, second = ModuleSpace(narrow), scorer(path), scorer(path)
    wanted = first.score(widths(1, 2, 3), space=space)
    table = second.score(widths(3, 1, 4), space=space)
    assert (first.scored, second.scored) == (3, 1)
    assert table.seconds[:2].tolist() == [0, 0]
    assert table.seconds[2] > 0
    np.testing.assert_array_equal(table.values[:2], wanted.values[[2, 0]])
    for name in wanted.proxies:
        np.testing.assert_array_equal(table.layers[name][0], wanted.layers[name][2])


def test_other_settings_and_spaces_are_told_apart(path: Path) -> None:
    scorer(path).score(widths(1), space=ModuleSpace(narrow))
    other_seed = scorer(path, seed=1)
    other_seed.score(widths(1), space=ModuleSpace(narrow))
    other_space = scorer(path)
    other_space.score(widths(1), space=ModuleSpace(narrow, "other"))
    assert (other_seed.scored, other_space.scored) == (1, 1)


def test_the_cache_is_no_part_of_the_settings(path: Path) -> None:
    assert scorer(path).settings == scorer(None).settings


def test_a_scorer_with_a_cache_travels(path: Path) -> None:
    first = scorer(path)
    first.score(widths(1), space=ModuleSpace(narrow))
    copy = pickle.loads(pickle.dumps(first))
    copy.score(widths(2), space=ModuleSpace(narrow))
    with ScoreCache(path) as cache:
        assert len(cache) == 2


def test_a_recipes_scorer_takes_a_cache_later(cache: ScoreCache) -> None:
    late = scorer(None)
    late.cache = cache
    late.score(widths(1, 2), space=ModuleSpace(narrow))
    assert len(cache) == 2


def test_networks_without_a_space_are_not_kept(cache: ScoreCache) -> None:
    scorer(cache).score([nn.Linear(4, 2), lambda: nn.Linear(4, 2)])
    assert len(cache) == 0


# Failures


def failing(error: BaseException) -> Proxy:
    def measure(evidence: Any) -> float:
        raise error

    return dataclasses.replace(SHELF["params"], name="fails", measure=measure)


KEPT = {
    "a builder that lacks memory": (MemoryError("no"), None, 0),
    "a builder out of luck": (RuntimeError("CUDA error: out of memory"), None, 0),
    "a probe that lacks memory": (None, torch.OutOfMemoryError("CUDA out of memory"), 0),
    "a probe with an error of another kind": (None, ValueError(), 0),
    "a dead network": (None, Degenerate("the features: all dead"), 1),
    "a network that cannot be read": (Unscorable("lazy layers: run it once"), None, 1),
}


@pytest.mark.parametrize("case", KEPT)
def test_only_what_would_come_again_is_kept(cache: ScoreCache, case: str) -> None:
    from_builder, from_proxy, kept = KEPT[case]

    def build(trial: Any) -> nn.Module:
        if from_builder is not None:
            raise from_builder
        return narrow(trial)

    proxies: list[str | Proxy] = ["params"]
    if from_proxy is not None:
        proxies.append(failing(from_proxy))
    own = Scorer(proxies, Excitation((4,)), cache=cache, device="cpu")
    table = own.score(widths(1), space=ModuleSpace(build))
    assert not table.scored.any()
    assert len(cache) == kept


def test_an_interrupt_is_not_kept(cache: ScoreCache) -> None:
    own = Scorer([failing(KeyboardInterrupt())], Excitation((4,)), cache=cache, device="cpu")
    with pytest.raises(KeyboardInterrupt):
        own.score(widths(1), space=ModuleSpace(narrow))
    assert len(cache) == 0
