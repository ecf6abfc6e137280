"""Initial loss: whether it is finite at all."""

from __future__ import annotations

from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate
from zc_plugins.probes.loss import LossEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import only


def loss_value(evidence: LossEvidence) -> Tensor:
    """Of the batch."""
    return evidence.loss


def finite(number: Float[ndarray, ""]) -> float:
    """The loss.

    Raises:
        Degenerate: if it is NaN or infinite.
    """
    if not abs(float(number)) < float("inf"):
        raise Degenerate(f"the loss at initialisation is {float(number)}")
    return float(number)


initial_loss = Proxy(
    name="initial_loss",
    reads="loss",
    measure=loss_value,
    layer_score=finite,
    reduce=only,
    paper="Loss of one batch before training, in nats for cross entropy; a check, no ranking.",
    higher_is_better=False,
)
