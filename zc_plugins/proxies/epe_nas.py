"""EPE-NAS: correlation of input gradients within each class."""

from __future__ import annotations

from zc_plugins.proxies._input_gradients import class_score, correlation_and_labels
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import only

epe_nas = Proxy(
    name="epe_nas",
    reads="jacobian",
    measure=correlation_and_labels,
    layer_score=class_score,
    reduce=only,
    paper="Sum over classes of |sum log(|correlation| + 1e-5)| between input gradients. "
    "Lopes et al., EPE-NAS, 2021, arXiv:2102.08099.",
)
