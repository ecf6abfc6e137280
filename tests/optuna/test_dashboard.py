"""What we write into a study is what optuna-dashboard shows, in a browser."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import optuna
import pytest
from optuna.trial import create_trial

from tests.browser import browsed
from zc_plugins import Excitation, Scorer
from zc_plugins.optuna.dashboard import show_in_dashboard

dashboard = pytest.importorskip(
    "optuna_dashboard", reason="optuna-dashboard is not installed: pip install -e '.[dashboard]'"
)
plots = pytest.importorskip("optuna_dashboard._custom_plot_data")
pytest.importorskip("plotly", reason="plotly is not installed: pip install -e '.[dashboard]'")

OWN = "# My note\n\nLeft alone."


def scored_study(**where: Any) -> optuna.Study:
    study = optuna.create_study(direction="maximize", study_name="scored", **where)
    for value in range(12):
        scores = {"zc_naswot": value + 0.25, "zc_snip": float(-value)}
        study.add_trial(
            create_trial(
                value=float(value),
                user_attrs=scores,
                params={"width": value},
                distributions={"width": optuna.distributions.IntDistribution(0, 20)},
            )
        )
    return study


def figures(study: optuna.Study) -> list[Any]:
    """As the dashboard reads them."""
    stored = plots.get_plotly_graph_objects(study._storage.get_study_system_attrs(study._study_id))
    return [json.loads(stored[name]) for name in sorted(stored)]


def graphs(study: optuna.Study) -> set[str]:
    attributes = study._storage.get_study_system_attrs(study._study_id)
    return {key.split(":")[2] for key in attributes if key.startswith("dashboard:plot_data:")}


def test_the_note_of_others_stays() -> None:
    study = scored_study()
    dashboard.save_note(study, OWN)
    show_in_dashboard(study)
    once = dashboard.get_note(study)
    assert once.startswith(OWN)
    assert "12" in once
    assert "| naswot | 1.00 |" in once
    dashboard.save_note(study, f"{once}\n\nBelow.")
    study.add_trial(create_trial(value=20.0, user_attrs={"zc_naswot": 99.0, "zc_snip": -99.0}))
    show_in_dashboard(study)
    again = dashboard.get_note(study)
    assert again.startswith(OWN)
    assert again.endswith("Below.")
    assert again.count("Were the scores right?") == 1
    assert again.count("| 13 |") == 3
    assert graphs(study) == {"zc-plugins-1", "zc-plugins-2", "zc-plugins-3"}


def test_a_plot_of_an_earlier_call_is_emptied() -> None:
    study = scored_study()
    show_in_dashboard(study)
    assert [len(figure["data"]) > 0 for figure in figures(study)] == [True, True, True]
    show_in_dashboard(study, Scorer(["naswot"], Excitation((4,))))
    assert [len(figure["data"]) > 0 for figure in figures(study)] == [True, True, False]
    assert figures(study)[2]["layout"]["title"]["text"].startswith("Empty")
    show_in_dashboard(study)
    assert [len(figure["data"]) > 0 for figure in figures(study)] == [True, True, True]


def test_names_are_no_markdown() -> None:
    study = optuna.create_study()
    study.set_user_attr("zc_reference", '{"proxies": ["<b>|[x](y)"], "higher_is_better": [true]}')
    show_in_dashboard(study)
    assert "&lt;b&gt;\\|\\[x\\](y)" in dashboard.get_note(study)
    assert not graphs(study)


class _Threads(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[optuna.Study, str]]:
    """A study in a database, and the address of a dashboard of it."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    storage, shown = optuna.storages.RDBStorage(url), optuna.storages.RDBStorage(url)
    application = dashboard.wsgi(shown)
    server = make_server("127.0.0.1", 0, application, _Threads, _Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield scored_study(storage=storage), f"http://127.0.0.1:{server.server_port}/dashboard"
    server.shutdown()
    thread.join()
    server.server_close()
    for each in (storage, shown):
        each.remove_session()
        each.engine.dispose()


def test_a_browser_shows_columns_plots_and_note(
    served: tuple[optuna.Study, str], tmp_path: Path
) -> None:
    study, address = served
    dashboard.save_note(study, OWN)
    show_in_dashboard(study)
    with browsed(quiet=False) as (page, wrong):
        page.set_viewport_size({"width": 1400, "height": 2400})
        page.goto(f"{address}/studies/1/smartSelection")
        page.get_by_role("columnheader", name="UserAttribute zc_naswot").wait_for()
        page.get_by_role("cell", name="11.25").wait_for()
        page.screenshot(path=tmp_path / "columns.png")
        page.goto(f"{address}/studies/1")
        page.get_by_text("Scores before training against values after it").first.wait_for()
        page.get_by_text("Trust in the scores as networks are trained").first.wait_for()
        page.screenshot(path=tmp_path / "plots.png")
        page.goto(f"{address}/studies/1/note")
        page.get_by_role("heading", name="Were the scores right?").wait_for()
        page.screenshot(path=tmp_path / "note.png")
        assert page.get_by_role("heading", name="My note").count() == 1
        assert page.get_by_role("cell", name="naswot").count() == 1
        assert page.get_by_text("written anew").count() == 0
        assert not wrong
