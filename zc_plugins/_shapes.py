"""Shape annotations: jaxtyping's where it is installed, plain labels where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from numpy import ndarray as _runtime_ndarray

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
else:
    try:
        from jaxtyping import Bool, Float, Int
    except ImportError:

        class _Label:
            def __class_getitem__(cls, item: Any) -> Any:
                return Any

        Bool = Float = Int = _Label

if TYPE_CHECKING:
    ndarray = npt.NDArray[Any]
else:
    ndarray = _runtime_ndarray

__all__ = ["Bool", "Float", "Int", "ndarray"]
