"""Every proxy on the shelf keeps the suite."""

from __future__ import annotations

import pytest

from zc_plugins.errors import UnknownProxy
from zc_plugins.proxies import SHELF
from zc_plugins.testing import check_proxy


@pytest.mark.parametrize("name", list(SHELF))
def test_conformance(name: str) -> None:
    check_proxy(SHELF[name])


@pytest.mark.parametrize("name", list(SHELF))
def test_names_its_source(name: str) -> None:
    assert SHELF[name].name == name
    assert len(SHELF[name].paper) > 10


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownProxy, match="did you mean 'expressivity'"):
        SHELF["expresivity"]
    with pytest.raises(KeyError, match="known: "):
        SHELF["zzzzzz"]
