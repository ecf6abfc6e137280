"""EZNAS: proxies as expressions over the statistics of layers."""
