"""Training-free proxies: evidence of one layer or block in, one number out, then a reduction."""

from zc_plugins._registry import Shelf
from zc_plugins.errors import UnknownProxy
from zc_plugins.proxies._proxy import Proxy

SHELF: Shelf[Proxy] = Shelf("proxy", __name__, UnknownProxy)

__all__ = ["SHELF", "Proxy"]
