"""The proxies that EZNAS published, in both readings of its code."""

from __future__ import annotations

from zc_plugins.discovery.expression import Expression
from zc_plugins.discovery.parse import parse
from zc_plugins.errors import InvalidArgument, UnknownName

READINGS = ("paper", "code")
"""``paper``: the order of statistics that the code documents and never uses; for EZNAS-A it is that
of the paper. ``code``: the order that it builds and runs, so that of its published numbers."""

_TEXTS: dict[str, tuple[str, str]] = {
    "eznas_a": (
        "fro(sigmoid(logdet(sign(T3GN))))",
        "fro(sigmoid(logdet(sign(T1GD))))",
    ),
    "topprog": (
        "square(abs(fro(T2GN)))",
        "square(abs(fro(T2N)))",
    ),
    "enas": (
        "invert(add(fro(T2GP), exp(fro(log(sigmoid(log(sigmoid(T2GP))))))))",
        "invert(add(fro(T4P), exp(fro(log(sigmoid(log(sigmoid(T4P))))))))",
    ),
    "pnas": (
        "kldiv(normalize(normalize(normalize(T3))), gt0(T4P))",
        "kldiv(normalize(normalize(normalize(T4GP))), gt0(T4GD))",
    ),
    "nasnet": (
        "fro(lt0(log(add(log(T2GP), T4D))))",
        "fro(lt0(log(add(log(T4P), T1N))))",
    ),
}


def published(name: str = "eznas_a", reading: str = "code") -> Expression:
    """One of the published expressions, for one layer; the authors take the mean over layers.

    The authors' code holds two orders of the statistics that its programs name by number, so each
    program has two readings. EZNAS-A in the reading of the paper takes the sign of the weight's
    gradient under noise, and in that of the code, which gave the numbers that its authors publish,
    the sign of the gradient at the rectifier's input for the data.

    Args:
        name: ``eznas_a``, which the authors call the best for all spaces, ``topprog``, or one of
            those found for a space of NDS: ``enas``, ``pnas``, ``nasnet``. (``eznas_a`` is also
            that of DARTS.)
        reading: see ``READINGS``.

    Raises:
        UnknownName: with the nearest names.
        InvalidArgument: for ``pnas`` in the reading of the paper, which sets a weight against a
            feature map and has no value for any layer; and for an unknown reading.

    References:
        Akhauri et al., EZNAS, NeurIPS 2022, arXiv:2209.07413, and its code (MIT).
    """
    if name not in _TEXTS:
        raise UnknownName("published expression", name, _TEXTS)
    if reading not in READINGS:
        raise InvalidArgument(f"reading={reading!r}: pass one of {READINGS}")
    return parse(_TEXTS[name][READINGS.index(reading)])


NAMES = tuple(_TEXTS)
"""Of the published expressions."""
