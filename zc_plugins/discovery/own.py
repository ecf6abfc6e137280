"""The best proxy that our own evolution has found, and where it comes from."""

from __future__ import annotations

from zc_plugins.discovery.expression import Expression, Reduce
from zc_plugins.discovery.parse import parse

EXPRESSION: Expression = parse(
    "div(div(fro(sigmoid(logdet(sign(T1GD)))), deviation(T3)), "
    "signed_log(div(mean(abslog(T1N)), sub(fro(sigmoid(logdet(sign(T1GD)))), l1(T3GD)))))"
)
"""For one layer.

Course ``all, mean`` of ``python -m benchmarks.evolve``, seed 0, on NAS-Bench-201, NAS-Bench-101 and
TransNAS-Bench-101 micro (class_object): of five seeds the one whose hall of fame had the best mean
tau on the networks that choose. On networks that neither evolution nor choice has seen, Kendall's
tau with test accuracy is .80 on NAS-Bench-201 (81 networks), .38 on NAS-Bench-101 (40) and .00 on
TransNAS-Bench-101 micro (9).
"""

REDUCE: Reduce = "sum"
"""Over layers."""

COURSE = "all, mean"
"""In ``benchmarks/results/evolve_proxies.csv``."""
