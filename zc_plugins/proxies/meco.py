"""MeCo: the smallest eigenvalue of the correlation between a feature map's channels."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Unscorable
from zc_plugins.probes._correlation import correlation_coefficients
from zc_plugins.probes.module_outputs import ModuleOutputEvidence
from zc_plugins.proxies._proxy import Proxy


def channel_correlation(evidence: ModuleOutputEvidence) -> Tensor:
    """Correlation of the first sample's channels over positions, of shape (channels, channels).

    Undefined entries (a constant channel) are 0, as in the public code. With no more positions than
    channels the matrix is singular: 0 stands for it, of shape (1, 1).
    """
    feature = evidence.feature
    channels, positions = feature.shape
    if positions <= channels:
        return feature.new_zeros(1, 1)
    return correlation_coefficients(feature).nan_to_num(0.0, 0.0, 0.0)


def channel_correlation_once(evidence: ModuleOutputEvidence) -> Tensor | None:
    """The same; a container that repeats its last child's output is skipped."""
    return None if evidence.repeats else channel_correlation(evidence)


def smallest_eigenvalue(correlation: Float[ndarray, "channels channels"]) -> float:
    """Of the symmetric matrix."""
    return float(np.linalg.eigvalsh(correlation)[0])


def total(eigenvalues: Float[ndarray, " layers"]) -> float:
    """Sum over layers.

    Raises:
        Unscorable: if no feature map has independent channels; vectors have but one position.
    """
    if not eigenvalues.any():
        raise Unscorable("every feature map's channels are linearly dependent")
    return float(eigenvalues.sum())


meco = Proxy(
    name="meco",
    reads="module_outputs",
    measure=channel_correlation_once,
    layer_score=smallest_eigenvalue,
    reduce=total,
    paper="Sum over feature maps of the smallest eigenvalue of the channels' correlation, one "
    "sample. Jiang et al., MeCo, NeurIPS 2023. The public code counts a feature map again for each "
    "container that returns it: see meco_authors.",
)
