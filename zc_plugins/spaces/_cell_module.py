"""A cell of four nodes as a module."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from zc_plugins.spaces._edge_operations import EDGES


class CellModule(nn.Module):
    """Each node is the sum of what the edges to it make of earlier nodes; the last is the output.

    Args:
        edges: a module an edge, in the order of ``EDGES``.
    """

    def __init__(self, edges: Iterable[nn.Module]) -> None:
        super().__init__()
        self.edges = nn.ModuleList(edges)

    def forward(self, x: Tensor) -> Tensor:
        nodes: list[Tensor] = [x]
        for node in (1, 2, 3):
            incoming = [
                edge(nodes[source])
                for (source, target), edge in zip(EDGES, self.edges, strict=True)
                if target == node
            ]
            nodes.append(_sum(incoming))
        return nodes[-1]


def _sum(tensors: list[Tensor]) -> Tensor:
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total
