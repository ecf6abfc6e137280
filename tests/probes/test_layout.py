"""Gradients at two resolutions, as matrices over the same positions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from zc_plugins.probes._layout import channels_last_rows, paired_rows


def test_rows_of_a_feature_map() -> None:
    x = torch.randn(2, 3, 4, 5)
    rows = channels_last_rows(x, 1)
    assert rows.shape == (40, 3)
    torch.testing.assert_close(rows[5 * 2 + 3], x[0, :, 2, 3])
    laid_out = x.to(memory_format=torch.channels_last)
    assert channels_last_rows(laid_out, 1).data_ptr() == laid_out.data_ptr()


def test_stride_two_is_pixel_unshuffle() -> None:
    fine, coarse = torch.randn(2, 3, 8, 6), torch.randn(2, 5, 4, 3)
    left, right = paired_rows(fine, coarse, 1, 1)
    assert (left.shape, right.shape) == ((24, 12), (24, 5))
    unshuffled = F.pixel_unshuffle(fine, 2).movedim(1, -1).reshape(24, 12)
    # The same numbers in each row; their order within it is our own.
    torch.testing.assert_close(left.sort(1).values, unshuffled.sort(1).values)


@pytest.mark.parametrize(
    ("inner", "outer", "axes", "rows", "columns"),
    [
        ((2, 3, 8, 8), (2, 5, 8, 8), (1, 1), 128, (3, 5)),
        ((2, 3, 17, 17), (2, 5, 9, 9), (1, 1), 162, (12, 5)),
        ((2, 3, 32, 32), (2, 5, 30, 30), (1, 1), 1800, (3, 5)),
        ((2, 3, 4, 4), (2, 5, 8, 8), (1, 1), 32, (3, 20)),
        ((2, 3, 9), (2, 5, 3), (1, 1), 6, (9, 5)),
        ((2, 3, 2, 4, 6), (2, 5, 1, 2, 3), (1, 1), 12, (24, 5)),
        ((2, 3, 4, 4), (2, 7), (1, 1), 2, (48, 7)),
        ((2, 7), (2, 3, 4, 4), (1, 1), 2, (7, 48)),
        ((2, 6, 4, 4), (2, 16, 8), (1, 2), 32, (6, 8)),
        ((2, 6, 4, 4), (2, 17, 8), (1, 2), 32, (6, 8)),
        ((2, 7), (2, 5), (1, 1), 2, (7, 5)),
    ],
)
def test_shapes(
    inner: tuple[int, ...],
    outer: tuple[int, ...],
    axes: tuple[int, int],
    rows: int,
    columns: tuple[int, int],
) -> None:
    left, right = paired_rows(torch.randn(inner), torch.randn(outer), *axes)
    assert left.shape == (rows, columns[0])
    assert right.shape == (rows, columns[1])


def test_half_precision_becomes_float32() -> None:
    left, right = paired_rows(torch.ones(2, 3).bfloat16(), torch.ones(2, 3).double(), 1, 1)
    assert (left.dtype, right.dtype) == (torch.float32, torch.float64)
