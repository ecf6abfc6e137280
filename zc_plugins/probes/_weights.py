"""Which parameters of a network are weights of its layers."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.utils.parametrize import ParametrizationList

LAYERS = (nn.modules.conv._ConvNd, nn.Linear)
"""Layers of one weight, which the public code of most proxies reads and no others."""

_OWNERS = (
    *LAYERS,
    nn.Bilinear,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
    # The weight of a weight-normed layer is computed from these.
    ParametrizationList,
)


def weight_matrices(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Names and weights of the convolution, linear, recurrent and attention layers, each once.

    No biases, no normalisation, no embeddings, no bare parameters such as class tokens. The weight
    of a convolution or linear layer is called by the layer's name, as in per-layer vectors.
    """
    seen: set[int] = set()
    for prefix, module in model.named_modules():
        if not isinstance(module, _OWNERS):
            continue
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.dim() < 2 or id(parameter) in seen or not parameter.is_floating_point():
                continue
            seen.add(id(parameter))
            own = prefix if isinstance(module, LAYERS) else f"{prefix}.{name}".lstrip(".")
            yield own or name, parameter
