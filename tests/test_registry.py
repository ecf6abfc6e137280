"""Shelves find items by file name and take items of third parties."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from zc_plugins import _registry
from zc_plugins._registry import Shelf
from zc_plugins.errors import InvalidArgument, UnknownName
from zc_plugins.proxies import Proxy
from zc_plugins.proxies.params import params


def shelf() -> Shelf[Proxy]:
    return Shelf("proxy", "zc_plugins.proxies")


def test_files_are_items() -> None:
    assert shelf()["params"] is params
    assert list(shelf()) == sorted(shelf())
    assert not [name for name in shelf() if name.startswith("_")]


def test_own_items() -> None:
    mine = shelf()
    assert mine.add("mine", params) is params
    assert mine["mine"] is params
    assert "mine" in list(mine)
    mine.add("mine", params)
    with pytest.raises(InvalidArgument, match="rename yours"):
        mine.add("expressivity", params)


def test_items_of_installed_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("theirs", "zc_plugins.proxies.params:params", "zc_plugins.proxies"),
        EntryPoint("expressivity", "zc_plugins.proxies.params:params", "zc_plugins.proxies"),
    ]
    monkeypatch.setattr(_registry, "entry_points", lambda group: points)
    found = shelf()
    assert found["theirs"] is params
    assert found["expressivity"] is not params


def test_unknown_names() -> None:
    with pytest.raises(UnknownName) as caught:
        shelf()["complexities"]
    assert str(caught.value).startswith(
        "proxy 'complexities' is not registered: did you mean 'complexity'"
    )
