"""Count the times that the host would wait for an accelerator, without an accelerator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from zc_plugins.probes._blocks import tensors_in


class Synchronisations:
    """What made the host wait inside the block, in order.

    Attributes:
        calls: name of the operation of each synchronisation.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._on_host = WeakIdKeyDictionary()
        self._muted = False

    @property
    def count(self) -> int:
        """How often the host waited."""
        return len(self.calls)


@contextmanager
def count_synchronisations() -> Iterator[Synchronisations]:
    """Count host synchronisations, taking every tensor that lies on the CPU for a device tensor.

    Counted: the reading of a value (``item``, ``float(t)``, ``if t``, ``tolist``, ``equal``,
    ``allclose``), a transfer (``cpu``, ``numpy``, ``to("cpu")``), a result whose shape depends on
    values (``nonzero``, ``unique``, a mask as index), and matrix decompositions, which read their
    error code. What is done to a tensor after its transfer counts no more, so ``t.cpu().numpy()``
    is one. ``to`` with a ``torch.device`` counts nothing on the CPU: it is taken for the model's.
    Tensors on the meta device count nothing.

    Yields:
        The tally, which grows while the block runs.

    Example:
        >>> import torch
        >>> with count_synchronisations() as synchronisations:
        ...     numbers = (torch.ones(3) * 2).cpu().numpy()
        >>> synchronisations.count
        1
    """
    tally = Synchronisations()
    with _Calls(tally), _Kernels(tally):
        yield tally


class _Calls(TorchFunctionMode):
    """Transfers, which reach no kernel if the tensor lies on the CPU already."""

    def __init__(self, tally: Synchronisations) -> None:
        super().__init__()
        self._tally = tally

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs, tally = kwargs or {}, self._tally
        transfers = _is_transfer(func, args, kwargs)
        # Most calls concern neither, and need no walk through their arguments.
        if not transfers and not tally._on_host:
            return func(*args, **kwargs)
        given = [tensor for tensor in tensors_in([args, kwargs]) if not tensor.is_meta]
        known = bool(given) and all(tensor in tally._on_host for tensor in given)
        transfers = transfers and bool(given) and not known
        if not known and not transfers:
            return func(*args, **kwargs)
        if transfers:
            tally.calls.append(func.__name__)
        muted, tally._muted = tally._muted, True
        try:
            result = func(*args, **kwargs)
            if transfers and isinstance(result, Tensor) and any(result is t for t in given):
                # On the CPU a transfer returns the tensor itself, which is still a device tensor.
                result = result.view_as(result)
        finally:
            tally._muted = muted
        for tensor in tensors_in(result):
            tally._on_host[tensor] = True
        return result


class _Kernels(TorchDispatchMode):
    """Operations that wait, also where C++ calls them."""

    def __init__(self, tally: Synchronisations) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tally = tally

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        waits = not self._tally._muted and _waits(func.overloadpacket, args)
        if waits and not any(tensor.is_meta for tensor in tensors_in(args)):
            self._tally.calls.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def _is_transfer(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    if func is Tensor.to:
        return "cpu" in [value for value in (*args[1:], *kwargs.values()) if isinstance(value, str)]
    return func in _TRANSFERS


def _waits(packet: Any, args: Sequence[Any]) -> bool:
    if packet in (torch.ops.aten.index, torch.ops.aten.index_put_):
        return any(t.dtype in (torch.bool, torch.uint8) for t in tensors_in(args[1]))
    return packet in _WAITING


_TRANSFERS = frozenset(
    [Tensor.cpu, Tensor.numpy, Tensor.tolist, Tensor.__array__, Tensor.__dlpack__]
)
_WAITING = frozenset(
    getattr(torch.ops.aten, name)
    for name in (
        "_linalg_check_errors",
        "_linalg_eigh",
        "_linalg_svd",
        "_local_scalar_dense",
        "_unique2",
        "allclose",
        "bincount",
        "equal",
        "is_nonzero",
        "linalg_eig",
        "linalg_lstsq",
        "masked_select",
        "nonzero",
        "unique_consecutive",
        "unique_dim",
    )
)
