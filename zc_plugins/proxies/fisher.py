"""Fisher: how much the loss hangs on each channel's activation."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zc_plugins.probes.layer_outputs import LayerOutputEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import as_float


def channel_saliency(evidence: LayerOutputEvidence) -> Tensor:
    """Half the mean square of output x gradient a channel, times the weights of a channel, summed.

    The public code counts a channel once for each of its weights.
    """
    product = evidence.product
    return product.square().mean(0).sum() / 2 * (evidence.weight.numel() / product.shape[1])


fisher = Proxy(
    name="fisher",
    reads="layer_outputs",
    measure=channel_saliency,
    layer_score=as_float,
    reduce=np.sum,
    paper="Half the mean square of activation x gradient a channel, counted once for each weight "
    "of the channel. Turner et al., BlockSwap, ICLR 2020, arXiv:1906.04113; "
    "Abdelfattah et al., ICLR 2021, arXiv:2101.08134.",
)
