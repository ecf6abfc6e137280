"""The steps of an evolution, each from one state to the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

from zc_plugins.discovery._checkpoint import State
from zc_plugins.discovery.evolution import Found, Generation
from zc_plugins.discovery.expression import Expression, Reduce
from zc_plugins.discovery.fitness import Fitness, OverGrounds, Verdict
from zc_plugins.discovery.genome import REDUCES, Breeder, Genome, program
from zc_plugins.discovery.parse import parse
from zc_plugins.discovery.simplify import simplified
from zc_plugins.errors import InvalidArgument, NothingScored

Candidates = Sequence[tuple[Expression, Reduce]]
Judge = Callable[[Candidates], list[Verdict]]

TOURNAMENT, CROSSOVER = 4, 0.5
_ROUNDS = 50
"""Of fresh trees before a generation goes on with fewer valid ones."""


@dataclass(frozen=True)
class Settings:
    """How an evolution proceeds; its course depends on these, the grounds and the seed alone.

    Attributes:
        population: programs a generation.
        fresh: share of each generation that is drawn anew; half in EZNAS.
        tallest: operators in a row, the reduction among them.
        parsimony: of Kendall's tau, paid for each operator and column.
        splits: of each ground's training networks; see ``Fitness``.
        over_grounds: the minimum or the mean; see ``Fitness``.
        fame: size of the hall of fame.

    Raises:
        InvalidArgument: if a number is out of its range.
    """

    population: int = 200
    fresh: float = 0.25
    tallest: int = 6
    parsimony: float = 0.001
    splits: int = 4
    over_grounds: OverGrounds = "minimum"
    fame: int = 20

    def __post_init__(self) -> None:
        if self.over_grounds not in get_args(OverGrounds):
            raise InvalidArgument(f"over_grounds={self.over_grounds!r}: pass 'minimum' or 'mean'")
        least = min(self.population - 1, self.fame, self.splits, self.tallest - 1)
        if least < 1 or not 0 <= self.fresh < 1 or self.parsimony < 0:
            raise InvalidArgument(
                f"{self}: pass 2 or more programs, 1 or more for fame and splits, 2 levels or more,"
                " fresh from 0 to below 1, and a parsimony of 0 or more"
            )


class Course:
    """The evolution's steps over its state."""

    def __init__(self, settings: Settings, breeder: Breeder, state: State) -> None:
        self._settings, self._breeder, self._state = settings, breeder, state

    def step(self, judge: Judge, fitness: Fitness) -> None:
        """One generation."""
        settings, state = self._settings, self._state
        before = len(state.known)
        size = settings.population
        elders = size - round(settings.fresh * size) if state.history else 0
        children = [self._child() for _ in range(elders)]
        self._judge(children, judge)
        survivors = self._best([*state.population, *children])[:elders]
        state.population = self._best([*survivors, *self._fresh(size - len(survivors), judge)])
        judged_now = list(state.known.values())[before:]
        faults = Counter(verdict.fault for verdict in judged_now if verdict.fault)
        best = self.fame(fitness, 1)
        state.history.append(
            Generation(
                len(state.history),
                best[0].tau if best else -1.0,
                sum(best[0].held_out) / len(best[0].held_out) if best else -1.0,
                len(judged_now),
                tuple(sorted(faults.items())),
            )
        )

    def fame(self, fitness: Fitness, size: int | None = None) -> list[Found]:
        """The programs of the best fitness of all generations.

        Raises:
            NothingScored: if there is none, and the whole hall is asked for.
        """
        state = self._state
        valid = [(self._merit(key), key) for key, v in state.known.items() if not v.fault]
        hall: list[Found] = []
        taus: set[float] = set()
        for _, key in sorted(valid, key=lambda entry: (-entry[0], entry[1])):
            if state.known[key].tau in taus:
                continue
            taus.add(state.known[key].tau)
            hall.append(_found(key, state.known[key].tau, fitness))
            if len(hall) == (size or self._settings.fame):
                break
        if not state.history and size is None:
            raise NothingScored(
                "the evolution was stopped before its first generation: let it go on"
            )
        if not hall and size is None:
            raise NothingScored("no program was a proxy: pass more networks, or other columns")
        return hall

    def told(self) -> dict[str, str]:
        """What the progress bar shows."""
        if not self._state.history:
            return {}
        last = self._state.history[-1]
        return {"training tau": f"{last.tau:.3f}", "held-out tau": f"{last.held_out:.3f}"}

    def _child(self) -> Genome:
        rng, breeder = self._state.rng, self._breeder
        if rng.random() < CROSSOVER:
            return breeder.crossed(self._parent(), self._parent())
        return breeder.mutated(self._parent())

    def _parent(self) -> Genome:
        """Best of a tournament; the population is in order."""
        population = self._state.population
        return population[
            min(self._state.rng.randrange(len(population)) for _ in range(TOURNAMENT))
        ]

    def _fresh(self, wanted: int, judge: Judge) -> list[Genome]:
        """So many random programs that are proxies."""
        found: list[Genome] = []
        for _ in range(_ROUNDS):
            drawn = [self._breeder.fresh() for _ in range(wanted - len(found))]
            self._judge(drawn, judge)
            found.extend(genome for genome in drawn if not self._verdict(genome).fault)
            if len(found) == wanted:
                return found
        if not found and not self._state.population:
            raise NothingScored("no random program was a proxy: pass more networks or columns")
        return found

    def _judge(self, genomes: Sequence[Genome], judge: Judge) -> None:
        """Learn the verdicts of those canonical forms that are not known."""
        known = self._state.known
        new = {key: _canonical(g) for g in genomes if (key := _key(g)) not in known}
        known.update(zip(new, judge(list(new.values())), strict=True))

    def _best(self, genomes: Sequence[Genome]) -> list[Genome]:
        """Proxies in order of merit, each tau once: the shortest program that reaches it."""
        by_tau: dict[float, Genome] = {}
        for genome in sorted(genomes, key=lambda g: (-self._merit(_key(g)), _key(g), g)):
            verdict = self._verdict(genome)
            if not verdict.fault:
                by_tau.setdefault(verdict.tau, genome)
        return list(by_tau.values())

    def _verdict(self, genome: Genome) -> Verdict:
        return self._state.known[_key(genome)]

    def _merit(self, key: str) -> float:
        """Fitness less what the program's length costs; of what is no proxy -inf."""
        verdict = self._state.known[key]
        length = 1 + key.count("(") + key.count(",")
        cost = self._settings.parsimony * length
        return float("-inf") if verdict.fault else verdict.tau - cost


@lru_cache(maxsize=10_000)
def _canonical(genome: Genome) -> tuple[Expression, Reduce]:
    expression, reduce = program(genome)
    return simplified(expression), reduce


@lru_cache(maxsize=10_000)
def _key(genome: Genome) -> str:
    """The canonical form as text, which ``_found`` reads."""
    expression, reduce = _canonical(genome)
    return f"{reduce} {expression}"


def _found(key: str, tau: float, fitness: Fitness) -> Found:
    name, _, text = key.partition(" ")
    expression = parse(text)
    (reduce,) = (known for known in REDUCES if known == name)
    held_out = fitness.held_out(expression, reduce)
    gain = (mine - size for mine, size in zip(held_out, fitness.params_held_out, strict=True))
    return Found(expression, reduce, tau, tuple(held_out), tuple(gain))
