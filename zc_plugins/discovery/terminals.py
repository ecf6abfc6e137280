"""The 22 statistics of a layer that expressions begin with."""

from __future__ import annotations

from zc_plugins.discovery.operators import Kind
from zc_plugins.probes.relu_conv_bn import STATISTICS

TERMINALS: dict[str, Kind] = {
    name: "weight" if name.startswith("T3") else "feature" for name in STATISTICS
}
"""Name to kind. Of a layer of rectifier, convolution and batch normalisation: 1 what enters the
rectifier, 2 what enters the convolution, 3 the convolution's weight, 4 what leaves the
normalisation; ``G`` the gradient there; ``D`` for the data batch, ``N`` for noise, ``P`` for the
perturbed data less that for the data.
"""


def terminal_latex(name: str) -> str:
    """``T2GN`` as LaTeX: the gradient at the convolution's input under noise."""
    gradient = r"\nabla " if "G" in name else ""
    batch = f"^{{{name[-1]}}}" if len(name) > 2 else ""
    return f"{gradient}T_{name[1]}{batch}"
