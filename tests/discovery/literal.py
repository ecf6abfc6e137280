"""The operators once more, entry by entry in plain Python on numpy arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any


def each(function: Callable[..., float]) -> Callable[..., Array]:
    """A function of numbers, for each entry; a number beside an array stands for all entries."""

    def mapped(*arrays: Array) -> Array:
        shape = max((np.shape(a) for a in arrays), key=len)
        full = [np.broadcast_to(a, shape) for a in arrays]
        out = np.empty(shape)
        for place in np.ndindex(*shape):
            out[place] = function(*(float(a[place]) for a in full))
        return out

    return mapped


def exponential(a: float) -> float:
    try:
        return math.exp(a)
    except OverflowError:
        return math.inf


def reciprocal(a: float) -> float:
    return math.inf if a == 0 else 1 / a


def normalize(a: Array) -> Array:
    flat = [float(v) for v in a.reshape(-1)]
    mean = sum(flat) / len(flat)
    spread = math.sqrt(sum((v - mean) ** 2 for v in flat) / max(len(flat) - 1, 1))
    if spread < 1e-12:
        return np.zeros_like(a)
    return np.array([(v - mean) / spread for v in flat]).reshape(a.shape)


def softmax(a: Array) -> Array:
    out = np.empty(a.shape)
    for place in np.ndindex(*a.shape):
        line = [a[(place[0], c, *place[2:])] for c in range(a.shape[1])]
        out[place] = math.exp(a[place]) / sum(map(math.exp, line))
    return out


def matmul(a: Array, b: Array) -> Array:
    out = np.zeros(a.shape)
    n = a.shape[-1]
    for *lead, i, j in np.ndindex(*a.shape):
        out[(*lead, i, j)] = sum(a[(*lead, i, k)] * b[(*lead, k, j)] for k in range(n))
    return out


def determinant(matrix: Array) -> float:
    """By expansion along the first row."""
    if len(matrix) == 1:
        return float(matrix[0, 0])
    minors = (np.delete(matrix[1:], j, 1) for j in range(len(matrix)))
    return sum(
        (-1) ** j * float(matrix[0, j]) * determinant(minor) for j, minor in enumerate(minors)
    )


def det(a: Array) -> Array:
    return np.array([[determinant(a[i, j]) for j in range(a.shape[1])] for i in range(a.shape[0])])


def log_of(determinant: float) -> float:
    if determinant < 0:
        return 0.0
    return math.log(determinant) if determinant else -math.inf


def condition(a: Array) -> float:
    rows = a.reshape(len(a), -1)
    n = len(rows)
    gram = np.array([[sum(x * y for x, y in zip(rows[i], rows[j], strict=True)) for j in range(n)]
                     for i in range(n)])  # fmt: skip
    values = sorted(np.linalg.eigvals((gram + gram.T) / 2).real)
    return float(values[-1] / values[0])


def total(a: Array) -> float:
    return float(sum(float(v) for v in np.reshape(a, -1)))


def mean(a: Array) -> float:
    return total(a) / np.size(a)


def divergence(a: Array, b: Array) -> float:
    found = 0.0
    for place in np.ndindex(*a.shape):
        if b[place] > 0:
            found += b[place] * (math.log(b[place]) - a[place])
    return found / len(a)


def cosines(a: Array, b: Array) -> float:
    found = 0.0
    for one, two in zip(a.reshape(len(a), -1), b.reshape(len(b), -1), strict=True):
        length = math.sqrt(total(one**2)) * math.sqrt(total(two**2))
        found += total(one * two) / length if length else 0.0
    return found


def hamming(a: Array, b: Array) -> float:
    return float(sum((x > 0) != (y > 0) for x, y in zip(a.reshape(-1), b.reshape(-1), strict=True)))


LITERAL: dict[str, Callable[..., Any]] = {
    "add": each(lambda a, b: a + b),
    "sub": each(lambda a, b: a - b),
    "mul": each(lambda a, b: a * b),
    "matmul": matmul,
    "lt": each(lambda a, b: float(a < b)),
    "gt": each(lambda a, b: float(a > b)),
    "eq": each(lambda a, b: float(a == b)),
    "log": each(lambda a: math.log(a) if a > 0 else 0.0),
    "abslog": each(lambda a: abs(math.log(abs(a))) if a else 0.0),
    "abs": each(abs),
    "square": each(lambda a: a * a),
    "exp": each(exponential),
    "normalize": normalize,
    "relu": each(lambda a: max(a, 0.0)),
    "sign": each(lambda a: float((a > 0) - (a < 0))),
    "heaviside": each(lambda a: float(a > 0)),
    "invert": each(reciprocal),
    "softmax": softmax,
    "sigmoid": each(lambda a: 1 / (1 + exponential(-a))),
    "ones_like": each(lambda a: 1.0),
    "zeros_like": each(lambda a: 0.0),
    "gt0": each(lambda a: float(a > 0)),
    "lt0": each(lambda a: float(a < 0)),
    "fro": lambda a: math.sqrt(total(a**2)),
    "det": det,
    "logdet": lambda a: each(log_of)(det(a)),
    "sym_eig": condition,
    "eig": condition,
    "mean": mean,
    "l1": lambda a: mean(np.abs(a)),
    "numel": lambda a: float(np.size(a)),
    "hamming": hamming,
    "kldiv": divergence,
    "cossim": cosines,
    "div": each(lambda a, b: a / b if b else 0.0),
    "minimum": each(min),
    "maximum": each(max),
    "root": each(lambda a: math.sqrt(abs(a))),
    "signed_log": each(lambda a: math.copysign(math.log(1 + abs(a)), a)),
    "sum": total,
    "deviation": lambda a: math.sqrt(mean((a - mean(a)) ** 2)),
}


def literal(text: str, evidence: dict[str, Array]) -> Array:
    """The value of an expression, read from its text by recursion on brackets."""
    text = text.replace(" ", "")
    if "(" not in text:
        return evidence[text]
    head, _, inside = text[:-1].partition("(")
    pieces, level = [""], 0
    for letter in inside:
        level += (letter == "(") - (letter == ")")
        if letter == "," and level == 0:
            pieces.append("")
        else:
            pieces[-1] += letter
    return LITERAL[head](*(literal(piece, evidence) for piece in pieces))
