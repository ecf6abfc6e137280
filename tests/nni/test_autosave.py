"""What a strategy keeps for a run that is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zc_plugins.nni._autosave import Autosave


def strategy(state: dict[str, Any]) -> Any:
    """Has the state, and takes up another."""
    from nni.nas.strategy.base import Strategy

    class Holder(Strategy):  # type: ignore[misc]
        def state_dict(self) -> dict[str, Any]:
            return state

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            state.update(state_dict)

    return Holder()


def test_the_last_state_is_taken_up(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there yet"
    autosave, fresh = Autosave(str(folder / "state")), dict[str, Any]()
    autosave.restore(strategy(fresh))
    assert fresh == {}
    autosave.keep(strategy({"a": [1]}))
    autosave.keep(strategy({"a": [1, 2]}))
    autosave.restore(strategy(fresh))
    assert fresh == {"a": [1, 2]}
    assert len(list(folder.iterdir())) == 1


def test_a_state_is_whole_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    autosave, fresh = Autosave(tmp_path / "state"), dict[str, Any]()
    autosave.keep(strategy({"a": 1}))

    def killed(source: Any, target: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zc_plugins.nni._autosave.os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        autosave.keep(strategy({"a": 2}))
    autosave.restore(strategy(fresh))
    assert fresh == {"a": 1}


def test_nowhere() -> None:
    autosave, fresh = Autosave(None), dict[str, Any]()
    autosave.keep(strategy({"a": 1}))
    autosave.restore(strategy(fresh))
    assert fresh == {}
