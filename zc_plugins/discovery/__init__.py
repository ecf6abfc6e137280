"""EZNAS: proxies as expressions over the statistics of layers."""

from zc_plugins.discovery.expression import Expression
from zc_plugins.discovery.parse import parse, parse_json

__all__ = ["Expression", "parse", "parse_json"]
