"""The 22 statistics of a layer that expressions begin with."""

from __future__ import annotations

from zc_plugins.discovery.operators import Kind

TERMINALS: dict[str, Kind] = {
    "T3": "weight",
    **{
        f"T{place}{gradient}{batch}": "weight" if place == 3 else "feature"
        for batch in "DNP"
        for place in (1, 2, 3, 4)
        for gradient in ("", "G")
        if gradient or place != 3
    },
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
