"""Block boundaries of an arbitrary network, found by tracing its dataflow once.

A boundary is a module output through which the whole dataflow passes: a cut vertex of the graph
from the input to the output. Autograd records that graph for us, whatever Python the network's
forward is written in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import Node

from zc_plugins._dry_run import Forward, dry_run
from zc_plugins.errors import Degenerate, InvalidArgument, NoReadableLayers, Unscorable

READABLE = (nn.modules.conv._ConvNd, nn.Linear)
"""Layers that a block must hold at least one of."""

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def block_boundaries(
    model: nn.Module,
    input_shape: tuple[int, ...],
    *,
    declared: tuple[str, ...] | None = None,
    forward: Forward | None = None,
    integer: bool = False,
) -> list[str]:
    """Names of the modules whose outputs bound the primary blocks, in dataflow order.

    A network may declare them itself in an attribute ``zc_blocks``. Otherwise: of the module
    outputs that carry the whole dataflow, those inside a block class are dropped (a class any of
    whose instances encloses a branch: an inverted residual without a skip is as closed as one with
    it); of the rest, the last one of unchanged shape after each convolution or linear layer is
    kept; the network's own output is not a feature.

    A module that runs several times (one ReLU for the whole network) may bound with any of its
    runs: ``"relu"`` is the first, ``"relu@2"`` the second.

    Args:
        model: any network of one input.
        input_shape: of one sample, without the batch axis.
        declared: the user's names; the network's own where None.
        forward: how to call the network; ``model(x)`` by default.
        integer: the input is of an integer type, which carries no gradient to trace.

    Returns:
        Module names, with ``@`` and the run where it is not the module's first.

    Raises:
        InvalidArgument: if a declared name is no module of the network.
        NoReadableLayers: without a convolution or linear layer.
        Degenerate: if the output does not depend on the input.
        Unscorable: if no boundary is found, or none can be for an integer input.
    """
    if not any(isinstance(module, READABLE) for module in model.modules()):
        raise NoReadableLayers(
            f"{type(model).__name__} has no Conv1d, Conv2d, Conv3d or Linear layer to read"
        )
    names = declared if declared is not None else getattr(model, "zc_blocks", None)
    if names is not None:
        _require_modules(model, names, "blocks")
        return list(names)
    if integer:
        raise Unscorable("an integer input cannot be traced: name the blocks with blocks=")
    return _traced(model, input_shape, forward)


def _require_modules(model: nn.Module, names: Iterable[str], what: str) -> None:
    known = dict(model.named_modules())
    for name in names:
        if named_run(name)[0] not in known:
            raise InvalidArgument(
                f"{what} name {name!r} is no module of {type(model).__name__}: "
                "take names from model.named_modules()"
            )


def named_run(boundary: str) -> tuple[str, int]:
    """Module name and number of the run, from 1, of a boundary such as ``"relu@2"``."""
    name, _, run = boundary.rpartition("@")
    return (name, int(run)) if name and run.isdecimal() else (boundary, 1)


def last_feature(
    model: nn.Module, input_shape: tuple[int, ...], *, forward: Forward | None = None
) -> str:
    """Name of the module that gives the last feature map before pooling.

    A network may declare it itself in an attribute ``zc_feature``. Otherwise it is found by
    tracing, which takes tens of milliseconds: of the module outputs that carry the whole dataflow,
    the last one with several positions (an image, a sequence); in a network of vectors the last one
    before the output.

    Raises:
        InvalidArgument: if the declared name is no module of the network.
        Degenerate: if the output does not depend on the input.
        Unscorable: if no module output carries the whole dataflow.
    """
    declared = getattr(model, "zc_feature", None)
    if declared is not None:
        _require_modules(model, [declared], "zc_feature")
        return str(declared)
    visits, roots, cut_vertices = _trace(model, input_shape, forward)
    cuts = [visit for visit in visits if visit.node in cut_vertices]
    spatial = [visit for visit in cuts if len(visit.shape) > 2 and visit.positions > 1]
    chosen = spatial or [visit for visit in cuts if visit.node not in roots]
    if not chosen:
        raise Unscorable("no module output carries the whole dataflow before the network's output")
    return chosen[-1].boundary


class _Visit:
    """One module call: the node that made its output, and what it was."""

    def __init__(self, name: str, run: int, module: nn.Module, output: Tensor) -> None:
        self.name, self.run, self.module = name, run, module
        self.shape, self.node = output.shape, output.grad_fn

    @property
    def positions(self) -> int:
        """Pixels of images, tokens of sequences; the smaller axis where it is not plain."""
        rest = self.shape[2:]
        return min(self.shape[1], self.shape[2]) if len(rest) == 1 else rest.numel()

    @property
    def boundary(self) -> str:
        return self.name if self.run == 1 else f"{self.name}@{self.run}"


class _Visits(list[_Visit]):
    """The module calls of one forward pass, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: Counter[str] = Counter()

    @contextmanager
    def of(self, model: nn.Module) -> Iterator[None]:
        """Note the calls of a pass inside, and none of an earlier one."""
        self.clear()
        self._runs.clear()
        modules = [(name, module) for name, module in model.named_modules() if name]
        handles = [m.register_forward_hook(partial(self._note, name)) for name, m in modules]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _note(self, name: str, module: nn.Module, args: Any, output: Any) -> None:
        self._runs[name] += 1
        tensor = first_tensor(output)
        if tensor is not None and tensor.grad_fn is not None:
            self.append(_Visit(name, self._runs[name], module, tensor))


def _trace(
    model: nn.Module, input_shape: tuple[int, ...], forward: Forward | None
) -> tuple[_Visits, list[Node], set[Node]]:
    """The module calls of one pass, the nodes of the outputs, and the cut vertices."""
    copying = partial(_on_a_copy, forward)
    visits = _Visits()
    x, output = dry_run(
        model, input_shape, forward=copying, graph="input", around=lambda: visits.of(model)
    )
    roots = [t.grad_fn for t in tensors_in(output) if t.grad_fn is not None]
    order = _topological(roots, x)
    if not order:
        raise Degenerate("no gradient passes from the output to the input (disconnected)")
    return visits, roots, _cut_vertices(order, roots)


def _on_a_copy(forward: Forward | None, model: nn.Module, x: Tensor) -> Any:
    """The network may write into its input, which torch forbids for what is differentiated."""
    return model(x.clone()) if forward is None else forward(model, x.clone())


def _traced(model: nn.Module, input_shape: tuple[int, ...], forward: Forward | None) -> list[str]:
    visits, roots, cut_vertices = _trace(model, input_shape, forward)
    cuts = [visit for visit in visits if visit.node in cut_vertices]
    closed = _closed_classes(model, visits, {id(visit.node) for visit in cuts})
    inside = _inside(model, closed)
    runs = _runs(visits, cuts, inside)
    if len(runs) > 2 and runs[-1][-1].node in roots:
        del runs[-1]
    boundaries = list(dict.fromkeys(_last_of_same_shape(run) for run in runs))
    if not boundaries:
        raise Unscorable(
            "no block boundary: no module output carries the whole dataflow; name them with blocks="
        )
    return boundaries


def _runs(visits: list[_Visit], cuts: list[_Visit], inside: set[str]) -> list[list[_Visit]]:
    """Boundary candidates, split where a readable layer has run in between."""
    chosen = {id(visit) for visit in cuts if visit.name not in inside}
    runs: list[list[_Visit]] = []
    seen: set[int] = set()
    fresh = False
    for visit in visits:
        fresh = fresh or isinstance(visit.module, READABLE)
        # Containers repeat the node of their last module: the first to fire is the one to hook.
        if id(visit) not in chosen or id(visit.node) in seen:
            continue
        seen.add(id(visit.node))
        if fresh:
            runs.append([])
            fresh = False
        if runs:
            runs[-1].append(visit)
    return runs


def _last_of_same_shape(run: list[_Visit]) -> str:
    return [visit.boundary for visit in run if visit.shape == run[0].shape][-1]


def _closed_classes(model: nn.Module, visits: list[_Visit], cuts: set[int]) -> set[type[nn.Module]]:
    """Classes any of whose instances encloses a branch: the innermost around each branch."""
    nodes = {visit.name: id(visit.node) for visit in visits}
    modules = dict(model.named_modules())
    closed = set()
    for visit in visits:
        if id(visit.node) in cuts:
            continue
        for name in _ancestors(visit.name):
            if nodes.get(name) in cuts:
                if not isinstance(modules[name], _CONTAINERS):
                    closed.add(type(modules[name]))
                break
    return closed


def _inside(model: nn.Module, closed: set[type[nn.Module]]) -> set[str]:
    """Names of the modules that lie strictly within an instance of a closed class."""
    names = {name for name, module in model.named_modules() if name and type(module) in closed}
    return {name for name, _ in model.named_modules() if any(a in names for a in _ancestors(name))}


def _ancestors(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _cut_vertices(order: list[Node], roots: list[Node]) -> set[Node]:
    """Nodes on every path from the outputs to the input.

    In a topological order of the nodes on such paths, a node is a cut vertex exactly if no edge
    jumps over it.
    """
    position = {node: index for index, node in enumerate(order)}
    furthest = max((position[root] for root in roots if root in position), default=-1)
    cuts = set()
    for index, node in enumerate(order):
        if furthest <= index:
            cuts.add(node)
        reached = [position[n] for n, _ in node.next_functions if n in position]
        furthest = max([furthest, *reached])
    return cuts


def _topological(roots: list[Node], x: Tensor) -> list[Node]:
    """Nodes that lead from an output to ``x``, outputs first."""
    leads: dict[Node, bool] = {}
    finished: list[Node] = []
    stack: list[tuple[Node, bool]] = [(root, False) for root in roots]
    while stack:
        node, expanded = stack.pop()
        nexts = [n for n, _ in node.next_functions if n is not None]
        if expanded:
            if node in leads:
                continue
            leads[node] = getattr(node, "variable", None) is x or any(leads[n] for n in nexts)
            if leads[node]:
                finished.append(node)
        elif node not in leads:
            stack.append((node, True))
            stack.extend((n, False) for n in nexts if n not in leads)
    return finished[::-1]


def tensors_in(output: Any) -> Iterator[Tensor]:
    """All tensors in a network's output, however it is nested in lists, tuples and dicts."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, dict):
        for value in output.values():
            yield from tensors_in(value)
    elif isinstance(output, (list, tuple)):
        for value in output:
            yield from tensors_in(value)


def first_tensor(output: Any) -> Tensor | None:
    """The tensor that a module's output is, or begins with."""
    return next(tensors_in(output), None)
