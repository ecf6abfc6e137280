"""Results on disk: a file of curves for each problem, and how they were made."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scores import RESULTS
from benchmarks.search.course import Point

HEAD = ("problem", "method", "seed", "seconds", "trainings", "whole", "regret")

Row = tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """One search: a method with a seed."""

    method: str
    seed: int


@dataclass(frozen=True)
class Kept:
    """The results of one problem in a folder."""

    folder: Path
    problem: str

    @staticmethod
    def default() -> Path:
        """Where the committed results lie."""
        return RESULTS / "search"

    @property
    def curves(self) -> Path:
        """``PROBLEM.csv.gz``, a line for each improvement and for the end of a study."""
        return self.folder / f"{self.problem}.csv.gz"

    @property
    def made(self) -> Path:
        """``PROBLEM.json``: facts of the problem, and a run each time that studies were added."""
        return self.folder / f"{self.problem}.json"

    def rows(self) -> list[Row]:
        """All lines, without the head."""
        if not self.curves.exists():
            return []
        with gzip.open(self.curves, "rt", newline="") as file:
            return [tuple(row) for row in csv.reader(file)][1:]

    def facts(self) -> dict[str, Any]:
        """What ``made`` holds."""
        found: dict[str, Any] = json.loads(self.made.read_text()) if self.made.exists() else {}
        return found

    def done(self) -> set[Study]:
        """Studies that need not run again."""
        return {Study(row[1], int(row[2])) for row in self.rows()}

    def add(self, found: Iterable[tuple[Study, list[Point]]], facts: dict[str, Any]) -> None:
        """Keep more studies, all of them or none if it is stopped in between."""
        rows = self.rows() + [
            (
                self.problem, study.method, str(study.seed), f"{point.seconds:.1f}",
                str(point.trainings), str(point.whole), f"{point.regret:.6g}",
            )
            for study, points in found
            for point in points
        ]  # fmt: skip
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([HEAD, *rows])
        self.folder.mkdir(parents=True, exist_ok=True)
        _replace(self.curves, gzip.compress(text.getvalue().encode(), mtime=0))
        _replace(self.made, (json.dumps(facts, indent=1) + "\n").encode())


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    os.replace(beside, path)
