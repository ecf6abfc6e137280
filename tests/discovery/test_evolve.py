"""Evolution finds what is planted, comes back bit for bit, and is not taken in by counts."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zc_plugins.discovery import Expression, parse
from zc_plugins.discovery.bank import Bank, checked_columns
from zc_plugins.discovery.evolution import found_json
from zc_plugins.discovery.evolve import Settings, evolve
from zc_plugins.discovery.fitness import Fitness, _taus
from zc_plugins.discovery.genome import Breeder, program
from zc_plugins.discovery.ground import Ground, split
from zc_plugins.discovery.simplify import simplified
from zc_plugins.errors import InvalidArgument, NothingScored
from zc_plugins.ranking import kendall_tau

TEXTS = ("l1(T1D)", "fro(T2GN)", "l1(T3)", "mean(T4D)", "deviation(T4GP)", "numel(T3)")
PLANTED = parse("mul(fro(T2GN), l1(T3))")
SMALL = Settings(population=24, fame=6)
MEAN = Settings(population=24, fame=6, over_grounds="mean")


def bank(networks: int = 60, seed: int = 0, texts: Sequence[str] = TEXTS) -> Bank:
    """Noise of some layers a network, as a bank."""
    rng = np.random.default_rng(seed)
    layers = rng.integers(3, 9, networks)
    columns = checked_columns([parse(text) for text in texts])
    values = rng.lognormal(size=(len(columns), layers.sum())).astype(np.float32)
    names = tuple(f"net {n}" for n in range(networks))
    return Bank(columns, values, np.cumsum([0, *layers]), names, ("",) * networks, "")


def ground(where: Bank | None = None, accuracy: Any = None, seed: int = 0) -> Ground:
    found = bank(seed=seed) if where is None else where
    params = np.add.reduceat(found.values[-1], found.starts[:-1])
    truth = found.scores(PLANTED, reduce="mean") if accuracy is None else accuracy
    return split(found, truth, params, training=40, seed=seed)


def test_finds_what_is_planted() -> None:
    truth = ground()
    found = evolve([truth], Settings(population=60), generations=12, seed=1)
    assert found.best.tau > 0.95
    assert found.best.held_out[0] > 0.95
    assert found.best.gain[0] == found.best.held_out[0] - kendall_tau(
        truth.params[truth.held_out], truth.accuracy[truth.held_out]
    )
    assert found.best.reduce in ("mean", "sum")
    taus = [generation.tau for generation in found.history]
    assert taus[-1] == max(taus) > taus[0]
    assert len(found.history) == 13


@pytest.mark.parametrize("seed", [0, 3])
def test_same_seed_same_course(seed: int) -> None:
    random.seed(5)
    before = random.getstate()
    one = evolve([ground()], SMALL, generations=3, seed=seed)
    assert random.getstate() == before
    random.seed(6)
    assert evolve([ground()], SMALL, generations=3, seed=seed) == one
    assert evolve([ground()], SMALL, generations=3, seed=seed + 1) != one


def test_resumed_bit_for_bit(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.json", tmp_path / "broken.json"
    expected = evolve([ground()], SMALL, generations=6, seed=2, checkpoint=whole)
    asked = iter([False, False, False, True])
    evolve([ground()], SMALL, generations=6, seed=2, checkpoint=broken, stop=lambda: next(asked))
    assert len(json.loads(broken.read_text())["history"]) == 3
    assert evolve([ground()], SMALL, generations=6, seed=2, checkpoint=broken) == expected
    assert broken.read_bytes() == whole.read_bytes()
    # Once more finds it done; further generations go on from there.
    assert evolve([ground()], SMALL, generations=6, seed=2, checkpoint=broken) == expected
    longer = evolve([ground()], SMALL, generations=8, seed=2, checkpoint=broken)
    assert longer == evolve([ground()], SMALL, generations=8, seed=2)


def test_resumed_by_another_process_after_a_kill(tmp_path: Path) -> None:
    """String hashes and addresses differ there; the course must not."""
    code = (
        "import os, sys; from pathlib import Path; from tests.discovery.test_evolve import *\n"
        "asked = iter(range(9))\n"
        "evolve([ground()], SMALL, generations=5, seed=4, checkpoint=sys.argv[1],"
        " stop=lambda: next(asked) == 2 and os._exit(9))"
    )
    path = tmp_path / "state.json"
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == 9
    resumed = evolve([ground()], SMALL, generations=5, seed=4, checkpoint=path)
    assert resumed == evolve([ground()], SMALL, generations=5, seed=4)


def test_another_evolutions_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    evolve([ground()], SMALL, generations=0, checkpoint=path)
    with pytest.raises(InvalidArgument, match="seed differs"):
        evolve([ground()], SMALL, generations=0, seed=1, checkpoint=path)
    with pytest.raises(InvalidArgument, match="grounds differs"):
        evolve([ground(seed=1)], SMALL, generations=0, checkpoint=path)
    held = json.loads(path.read_text())
    damaged = ({"rng": [3, [-1] * 625, None]}, {"known": [1]}, {"settings": [1]})
    for text in ("[]", "[" * 100_000, *(json.dumps({**held, **part}) for part in damaged)):
        path.write_text(text)
        with pytest.raises(InvalidArgument, match=r"cannot be read|was edited"):
            evolve([ground()], SMALL, generations=0, checkpoint=path)


@pytest.mark.parametrize(
    "part",
    [
        {"known": {}},
        {"population": [["sum_over_layers", "unknown"]]},
        {"population": []},
        {"history": [[0, "high", 0.5, 1, []]]},
    ],
)
def test_an_edited_checkpoint_is_refused(part: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    evolve([ground()], SMALL, generations=0, checkpoint=path)
    held = json.loads(path.read_text())
    path.write_text(json.dumps(held, indent=2))
    evolve([ground()], SMALL, generations=0, checkpoint=path)
    path.write_text(json.dumps({**held, **part}))
    with pytest.raises(
        InvalidArgument, match=r"state\.json' was edited: pass it as it was written"
    ):
        evolve([ground()], SMALL, generations=1, checkpoint=path)


@pytest.mark.parametrize(("training", "held_out"), [(-20, None), (20, -30), (-20, 50)])
def test_a_ground_of_fewer_than_none(training: int, held_out: int | None) -> None:
    where = bank()
    numbers = np.arange(60.0)
    with pytest.raises(InvalidArgument, match=f"training={training}, held_out={held_out}: pass 8"):
        split(where, numbers, numbers, training=training, held_out=held_out)


def test_a_checkpoint_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be written"):
        evolve([ground()], SMALL, generations=0, checkpoint=tmp_path / "missing" / "state.json")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidArgument, match="cannot be"):
        evolve([ground()], SMALL, generations=0, checkpoint=tmp_path / "folder")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_stopped_before_the_first_generation() -> None:
    with pytest.raises(NothingScored, match="before its first generation"):
        evolve([ground()], SMALL, stop=lambda: True)


def test_same_for_two_workers_that_map_the_bank_and_hear_no_interrupt(tmp_path: Path) -> None:
    """A terminal sends Ctrl-C to them too; the evolution still ends with what it has."""
    interrupted = list[int]()

    def interrupts() -> bool:
        for worker in multiprocessing.active_children():
            os.kill(int(worker.pid or 0), signal.SIGINT)
            interrupted.append(int(worker.pid or 0))
        return False

    mapped = bank().save(tmp_path / "bank")
    alone = evolve([ground(mapped)], MEAN, generations=2, seed=3, workers=1)
    found = evolve([ground(mapped)], MEAN, generations=2, seed=3, workers=2, stop=interrupts)
    assert found == alone
    assert len(set(interrupted)) >= 2
    assert evolve([ground()], MEAN, generations=2, seed=3) == alone


def test_a_mapped_bank_travels_as_its_path(tmp_path: Path) -> None:
    mapped = bank(networks=400).save(tmp_path / "bank")
    sent = pickle.dumps(mapped)
    assert len(sent) < 1000
    again = pickle.loads(sent)
    assert isinstance(again.values, np.memmap)
    few = mapped.rows([7, 2])
    np.testing.assert_array_equal(few.scores(PLANTED), mapped.scores(PLANTED)[[7, 2]])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(few)).values, few.values)


def test_fitness_is_the_minimum_over_splits_and_grounds() -> None:
    rng = np.random.default_rng(0)
    first, second = bank(), bank(seed=1)
    clear, noisy = (
        ground(b, b.scores(PLANTED) * rng.lognormal(sigma=sigma, size=60))
        for b, sigma in ((first, 0.1), (second, 0.8))
    )
    taus = []
    for seed_of, where in enumerate((clear, noisy)):
        scores = where.bank.scores(PLANTED)[where.training]
        accuracy = where.accuracy[where.training]
        whole = Fitness([where], splits=1)(PLANTED, "sum").tau
        assert whole == pytest.approx(kendall_tau(scores, accuracy), abs=1e-12), seed_of
        taus.append(Fitness([where], splits=4)(PLANTED, "sum").tau)
        assert taus[-1] < whole
    # Splits of the second ground are drawn after those of the first, so the taus differ a little.
    both = Fitness([clear, noisy], splits=4)(PLANTED, "sum").tau
    assert both < taus[0]
    assert both == pytest.approx(taus[1], abs=0.08)
    one, other = (Fitness([g], splits=1)(PLANTED, "sum").tau for g in (clear, noisy))
    assert Fitness([clear, noisy], splits=1)(PLANTED, "sum").tau == min(one, other)
    mean = Fitness([clear, noisy], splits=1, over_grounds="mean")(PLANTED, "sum").tau
    assert mean == pytest.approx((one + other) / 2)


def test_pairs_of_thousands_of_networks_are_counted_exactly() -> None:
    pairs = 2**24 + 2
    found = np.ones(pairs, np.int8)
    wanted = found.copy()
    wanted[7] = 0
    (tau,) = _taus(found, wanted)
    assert tau == pytest.approx(((pairs - 1) / pairs) ** 0.5, rel=1e-12)


def test_what_is_no_proxy() -> None:
    fitness = Fitness([ground()])

    def fault(text: str, reduce: Any = "sum") -> str:
        return fitness(parse(text), reduce).fault

    assert fault("mul(fro(T2GN), l1(T3))") == ""
    assert fault("invert(sub(l1(T3), l1(T3)))") == "not finite"
    assert fault("exp(exp(exp(exp(l1(T3)))))") == "not finite"
    assert fault("gt0(l1(T3))", "mean") == "constant"
    assert fault("fro(T1D)") == "undefined"
    # Counts: of parameters, by shapes alone; of layers, through any statistic.
    assert fault("root(numel(T3))") == "size only"
    assert fault("gt0(l1(T3))", "sum") == "size only"
    assert fault("add(numel(T3), mul(sigmoid(l1(T3)), sub(l1(T3), l1(T3))))") == "size only"


def test_no_fault_in_the_hall_of_fame() -> None:
    found = evolve([ground()], SMALL, generations=4, seed=0)
    fitness = Fitness([ground()], seed=0)
    assert len(found.fame) == SMALL.fame
    faults = {name for generation in found.history for name, _ in generation.faults}
    assert {"constant", "size only"} <= faults
    for member in found.fame:
        verdict = fitness(member.expression, member.reduce)
        assert (verdict.fault, verdict.tau) == ("", member.tau)
        assert np.isfinite(member.held_out).all()


def test_judged_once_for_a_canonical_form(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Expression, str]] = []
    judge = Fitness.__call__

    def counted(self: Fitness, expression: Expression, reduce: Any) -> Any:
        seen.append((expression, reduce))
        return judge(self, expression, reduce)

    monkeypatch.setattr(Fitness, "__call__", counted)
    found = evolve([ground()], SMALL, generations=5, seed=0)
    assert len(seen) == len(set(seen)) == sum(g.judged for g in found.history)
    assert all(simplified(expression) == expression for expression, _ in seen)


def test_genomes_are_trees_within_the_height() -> None:
    breeder = Breeder(bank().columns, random.Random(0), tallest=4)
    genomes = [breeder.fresh() for _ in range(60)]
    rng = random.Random(1)
    for _ in range(200):
        one, other = rng.choices(genomes, k=2)
        genomes.append(breeder.mutated(breeder.crossed(one, other)))
    for genome in genomes:
        expression, reduce = program(genome)
        assert reduce in ("sum", "mean", "minimum", "maximum")
        # The reduction is one level, a column up to two of its own.
        assert expression.depth <= 3 + 2
    with pytest.raises(InvalidArgument, match="ends within"):
        program(("sum_over_layers", "add", "l1(T3)"))
    with pytest.raises(InvalidArgument, match="goes on"):
        program(("sum_over_layers", "l1(T3)", "l1(T3)"))
    with pytest.raises(InvalidArgument, match="no reduction"):
        program(("l1(T3)",))


def test_refused_with_a_remedy() -> None:
    whole = bank()
    with pytest.raises(InvalidArgument, match="one finite number a network"):
        Ground(whole, np.full(60, np.nan), np.ones(60), np.arange(40), np.arange(40, 60))
    with pytest.raises(InvalidArgument, match="both in training and held_out"):
        Ground(whole, np.ones(60), np.ones(60), np.arange(40), np.arange(39, 60))
    with pytest.raises(InvalidArgument, match="3 places"):
        Ground(whole, np.ones(60), np.ones(60), np.arange(40), np.arange(40, 43))
    with pytest.raises(InvalidArgument, match="splits=11"):
        Fitness([ground()], splits=11)
    fewer = ground(bank(texts=TEXTS[1:]))
    with pytest.raises(InvalidArgument, match="other columns"):
        evolve([ground(), fewer], SMALL)
    with pytest.raises(InvalidArgument, match="workers=0"):
        evolve([ground()], SMALL, workers=0)
    with pytest.raises(InvalidArgument, match="fresh"):
        Settings(fresh=1.0)
    with pytest.raises(NothingScored):
        evolve([ground(accuracy=np.ones(60))], SMALL)


def test_saved_and_read_again(tmp_path: Path) -> None:
    best = evolve([ground()], SMALL, generations=1).best
    path = tmp_path / "best.json"
    path.write_text(best.json)
    assert found_json(path) == best
    for text in ("{}", "[" * 100_000):
        path.write_text(text)
        with pytest.raises(InvalidArgument, match="holds no evolved proxy"):
            found_json(path)
    for reduce in ("median", []):
        path.write_text(json.dumps({**json.loads(best.json), "reduce": reduce}))
        with pytest.raises(InvalidArgument):
            found_json(path)
