"""What the registry and the committed measurements know of a proxy, in Markdown."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

from _measurements import BASELINE, Row, cost_setting, costs, measured, table_name

from zc_plugins import recipes
from zc_plugins.probes import SHELF as PROBES
from zc_plugins.proxies import SHELF
from zc_plugins.scorer import Scorer

OWN = [name for name in SHELF if f"{SHELF.package}.{name}" in sys.modules]
"""Proxies of this package; other packages installed here may have put theirs on the shelf."""


def heading(name: str) -> str:
    """The page's beginning where nobody has written one."""
    return f"# {name}\n\n{summary(name)}\n"


def summary(name: str) -> str:
    """First line of the docstring of the proxy's file."""
    return _first_line(sys.modules[_module(name)].__doc__)


def facts(name: str) -> str:
    """Source, evidence, direction, cost, correlations, and the functions themselves."""
    rows = measured(name)
    parts = ["\n".join(f"- **{left}**: {right}" for left, right in _lines(name))]
    parts += ["## Where it works and where it fails", *_verdicts(name, rows)]
    parts += ["## How it is computed", *_functions(name)]
    return "\n\n".join(parts) + "\n"


def overview() -> str:
    """All proxies in one table."""
    lines = [
        [
            f"[{name}]({name}.md)", summary(name), f"`{SHELF[name].reads}`", _direction(name),
            _number(costs()[name]["time_ratio"]) if name in costs() else "",
            _extremes(measured(name)),
        ]
        for name in OWN
    ]  # fmt: skip
    return "\n\n".join(
        [
            "---\nhide: [toc]\n---",
            "# Proxies",
            "A proxy turns what one pass over an untrained network shows into one number. Proxies "
            "that read the same pass share it. None is best everywhere: `params`, the number of "
            "parameters, is the one to beat.",
            _table(["proxy", "what it sees", "pass", "better", "cost", "tau"], lines),
            f"Cost: {cost_setting()} Tau: Kendall's, with trained accuracy, least and most over "
            "the tables on the proxy's page; [how it was measured]"
            "(../measured.md#every-proxy-every-table).",
        ]
    )  # fmt: skip


def _lines(name: str) -> Iterator[tuple[str, str]]:
    proxy = SHELF[name]
    yield "Formula and source", _plain(proxy.paper)
    beside = [f"[{n}]({n}.md)" for n in OWN if SHELF[n].reads == proxy.reads and n != name]
    shared = f" The pass is shared with {', '.join(beside)}." if beside else ""
    yield "Evidence", f"`{proxy.reads}`: {_probe(proxy.reads)}{shared}"
    yield "Direction", f"{_direction(name)} is better"
    if name in costs():
        cost = costs()[name]
        low, high = cost["time_ratio_range"].strip("[]").split(",")
        yield (
            "Cost",
            (
                f"**{_number(cost['time_ratio'])}** of a training step's seconds (of five networks "
                f"{_number(low)} to {_number(high)}), {_number(cost['memory_ratio'])} of its memory"
                f". {cost_setting()}"
            ),
        )
    else:
        yield "Cost", "not timed"
    used = [f"`recipes.{recipe}`" for recipe, names in _recipes().items() if name in names]
    if used:
        yield "In", ", ".join(used)
    yield "Use", f'`Scorer(["{name}"], Excitation(input_shape=(3, 32, 32)))`'


def _verdicts(name: str, rows: list[Row]) -> Iterator[str]:
    if not rows:
        yield "Not measured on a table of trained networks."
        return
    yield (
        "Kendall's tau with trained accuracy, oriented so that higher is better; networks that "
        "cannot be scored rank last; 95 % bootstrap intervals; "
        f"last the tau of `{BASELINE}` on the same networks. Noise and random labels throughout. "
        "[How it was measured](../measured.md#every-proxy-every-table)."
    )
    if name != BASELINE:
        compared = [row for row in rows if row["baseline"]]
        ahead = [r for r in compared if float(r["low"]) > float(r["baseline"]["tau"])]
        behind = [r for r in compared if float(r["high"]) < float(r["baseline"]["tau"])]
        yield (
            f"Its interval lies above the tau of `{BASELINE}` in **{len(ahead)}** of "
            f"{len(compared)} rows{_named(ahead)}, and below it in **{len(behind)}**"
            f"{_named(behind)}."
        )
    misled = [row for row in rows if float(row["high"]) < 0]
    silent = [row for row in rows if float(row["low"]) <= 0 <= float(row["high"])]
    yield (
        f"It ranks **the wrong way round** in {len(misled)}{_named(misled)}; in {len(silent)} "
        f"the interval holds zero{_named(silent)}."
    )
    yield _table(
        ["table", "task", "scored", "tau", "interval", f"`{BASELINE}`"],
        [
            [
                table_name(row), row["task"],
                f"{row['scored']} of {row['networks']}", f"**{_number(row['tau'])}**",
                f"{_number(row['low'])} to {_number(row['high'])}",
                _number(row["baseline"]["tau"]) if row["baseline"] else "",
            ]
            for row in rows
        ],
    )  # fmt: skip


def _functions(name: str) -> Iterator[str]:
    """The proxy's three functions, as they stand in the source."""
    proxy = SHELF[name]
    steps: dict[str, Any] = {
        "Evidence of one layer or block to a small statistic, on the device": proxy.measure,
        "The statistic to the layer's number": proxy.layer_score,
    }
    if proxy.combine is None:
        steps["The layers' numbers to the score"] = proxy.reduce
    else:
        steps["All layers' statistics to the score"] = proxy.combine
    for told, function in steps.items():
        yield f"{told}: `{function.__module__}.{function.__name__}`."
        # numpy's own are not ours to show.
        if function.__module__.startswith("zc_plugins."):
            yield f"```python\n{inspect.getsource(function).rstrip()}\n```"


def _named(rows: list[Row]) -> str:
    """At most four of the rows, those that lie farthest from zero, by table and task."""
    if not rows:
        return ""
    farthest = sorted(rows, key=lambda row: -abs(float(row["tau"])))[:4]
    names = "; ".join(f"{table_name(row)}: {row['task']}" for row in farthest)
    return f" ({names}{'; ...' if len(rows) > len(farthest) else ''})"


@cache
def _recipes() -> dict[str, tuple[str, ...]]:
    """Proxies of each recipe."""
    made = {}
    for name, recipe in inspect.getmembers(recipes, inspect.isfunction):
        if recipe.__module__ == recipes.__name__ and not name.startswith("_"):
            scorer: Scorer = recipe((3, 32, 32))
            made[name] = tuple(proxy.name for proxy in scorer.proxies)
    return made


def _probe(name: str) -> str:
    assert name in set(PROBES)
    return _first_line(sys.modules[f"{PROBES.package}.{name}"].__doc__)


def _direction(name: str) -> str:
    return "higher" if SHELF[name].higher_is_better else "lower"


def _extremes(rows: list[Row]) -> str:
    taus = [float(row["tau"]) for row in rows]
    return f"{_number(min(taus))} to {_number(max(taus))}" if taus else ""


def _module(name: str) -> str:
    return f"{SHELF.package}.{name}"


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().split("\n")[0]


def _number(written: str | float) -> str:
    # Adding zero makes -0 a 0.
    return f"{round(float(written), 2) + 0:.2f}"


def _plain(text: str) -> str:
    """Without what Markdown would take for emphasis or HTML."""
    return re.sub(r"([*_<\\\[])", r"\\\1", text)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
