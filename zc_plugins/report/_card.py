"""The page that goes with a network: what it is, what it costs, how to train it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zc_plugins._printable import printable
from zc_plugins.report._markdown import safe, table
from zc_plugins.report._measured import UNITS, Measured
from zc_plugins.search import SearchResult
from zc_plugins.search.individual import Individual


@dataclass(frozen=True)
class Facts:
    """All that the page tells.

    Attributes:
        result: of the search.
        member: of the result, which is handed over.
        measured: costs of its network.
        input_shape: of one sample, without the batch axis.
        output_shape: of a batch of two.
        versions: by package.
        files: written beside the page.
        command: that ran the search, if one did.
        space_source: Python lines that make the space; empty where ``load`` does.
    """

    result: SearchResult
    member: Individual
    measured: Measured
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    versions: Mapping[str, str]
    files: Sequence[str]
    command: str
    space_source: str | None


def page(facts: Facts) -> str:
    """The card in Markdown; all names are escaped."""
    result, member = facts.result, facts.member
    parts = [
        f"# A network of {safe(type(result.space).__name__)}",
        "Found by a training-free search of zc_plugins. It is not trained yet: the scores were "
        "taken at initialisation, and say nothing but how it ranks among the candidates of this "
        "search.",
        _fenced("text", member.text),
        "## Scores",
        table(["proxy", "score", "better", "place among all candidates"], _scores(facts)),
        "## Costs",
        table(["cost", "value", "unit"], _costs(facts)),
        "## Search",
        table(["", ""], _search(facts)),
        *([_fenced("", facts.command)] if facts.command else []),
        *([_front(result)] if result.front is not None else []),
        f"![{'The front' if result.front else 'Scores over candidates'}](history.png)",
        "## Load and train it",
        "Run it in this folder. The batches of noise stand for yours.",
        _fenced("python", _training(facts)),
        "## Files",
        table(["file", "holds"], [(f"`{name}`", _FILES[name]) for name in facts.files]),
        "## Versions",
        table(["package", "version"], [(safe(n), safe(v)) for n, v in facts.versions.items()]),
    ]
    return "\n\n".join(parts) + "\n"


_FILES = {
    "architecture.json": "the architecture, its space, scores and costs; `load` reads it",
    "architecture.txt": "the architecture as its space writes it",
    "history.csv": "all candidates; `place` is that among the best",
    "history.png": "the search as a picture",
    "network.onnx": "the network with its weights at initialisation, for inference",
    "README.md": "this page",
}


def _scores(facts: Facts) -> Iterable[Sequence[str]]:
    proxies = facts.result.proxies
    oriented = [proxies.oriented(member) for member in facts.result.history]
    own = proxies.oriented(facts.member)
    for column, name in enumerate(proxies.names):
        # A NaN is better than none.
        better = sum(bool(row[column] > own[column]) for row in oriented)
        scored = not math.isnan(own[column])
        yield (
            safe(name),
            number(facts.member.scores[column]),
            "higher" if proxies.higher_is_better[column] else "lower",
            f"{better + 1} of {len(oriented)}" if scored else "-",
        )


def _costs(facts: Facts) -> Iterable[Sequence[str]]:
    found = facts.measured
    for name, value in found.costs.items():
        unit = UNITS[name]
        if name == "latency":
            unit += f", batch of {found.batch_size}, on {found.device}"
        yield name, number(value), safe(found.reasons.get(name, unit))
    if "latency" in facts.member.costs:
        yield "latency, in the search", number(facts.member.costs["latency"]), "as its budget asks"


def _search(facts: Facts) -> Iterable[Sequence[str]]:
    result = facts.result
    shape = ", ".join(map(str, facts.input_shape))
    yield "space", safe(result.space.name)
    if result.settings.get("scored_in", result.space.name) != result.space.name:
        yield "scored in", safe(result.settings["scored_in"])
    yield "input shape", f"({shape}{',' * (len(facts.input_shape) == 1)})"
    yield "seconds", number(result.seconds)
    yield "candidates scored", str(len(result.history))
    yield "proposals", str(result.proposals)
    yield "acceptance rate", f"{result.acceptance_rate:.1%}"
    for name in ("seed", "by", "budget", "batch"):
        if name in result.settings:
            yield name, safe(result.settings[name])


def _front(result: SearchResult) -> str:
    proxies, cost = result.proxies.names, str(result.front)
    rows = [
        (str(place), number(member.costs[cost]), *map(number, member.scores))
        for place, member in enumerate(result.best, start=1)
    ]
    head = ["place", safe(cost), *map(safe, proxies)]
    return f"The front, cheapest first; `history.csv` holds the texts.\n\n{table(head, rows)}"


def _training(facts: Facts) -> str:
    """A program of imports, the network, and three steps of training."""
    source = facts.space_source
    opened = 'load(".")' if source is None else 'load(".", space)'
    classify = len(facts.output_shape) == 2
    shape = ", ".join(map(str, (16, *facts.input_shape)))
    target = f"torch.randint({facts.output_shape[1]}, (16,))" if classify else "None"
    loss = (
        "nn.functional.cross_entropy(network(inputs), labels)"
        if classify
        else "network(inputs).square().mean()  # yours goes here"
    )
    return "\n".join(
        [
            *([*source.splitlines(), ""] if source else []),
            "import torch",
            "from torch import nn",
            "",
            "from zc_plugins.report import load",
            "",
            f"space, architecture = {opened}",
            "network = space.build(architecture)",
            f"batches = [(torch.randn({shape}), {target}) for _ in range(3)]",
            "optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)",
            f"for inputs, {'labels' if classify else '_'} in batches:",
            "    optimizer.zero_grad()",
            f"    loss = {loss}",
            "    loss.backward()",
            "    optimizer.step()",
            *_EXPORT.get("network.onnx" in facts.files, ()),
        ]
    ).replace("INPUT_SHAPE", repr(facts.input_shape))


_EXPORT = {
    True: (
        "",
        "from zc_plugins.report import write_onnx",
        "",
        'write_onnx(network, "trained.onnx", INPUT_SHAPE)',
    )
}


def number(value: float | None) -> str:
    """Six significant digits, whole numbers in full; a stroke where there is none."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"


def _fenced(language: str, text: str) -> str:
    """A block of text as it is, whatever backticks it holds."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{printable(text)}\n{fence}"
