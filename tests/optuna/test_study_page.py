"""The page of a study: what it says, that names stay texts, and that a browser shows it."""

from __future__ import annotations

import json
import math
import re
import socket
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from tests.browser import browsed
from zc_plugins import recipes
from zc_plugins._admission import Admission
from zc_plugins.errors import InvalidArgument
from zc_plugins.optuna import ZeroCostPruner, ZeroCostSampler
from zc_plugins.optuna.stored_study import is_stored_study, stored_study
from zc_plugins.optuna.study_page import study_page

from .builders import build_cnn, build_mlp, size_scorer

pytest.importorskip("plotly", reason="plotly is not installed: pip install -e '.[report]'")

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def hostile_study(trials: int = 14) -> optuna.Study:
    """Markup in every text that a study takes, and a trial of each kind."""
    scorer = size_scorer()
    study = optuna.create_study(
        study_name=HOSTILE,
        direction="maximize",
        sampler=ZeroCostSampler(RandomSampler(seed=0), build_mlp, scorer, candidates=2),
        pruner=ZeroCostPruner(None, build_mlp, scorer, reference_size=30),
    )

    def objective(trial: optuna.Trial) -> float:
        width = build_mlp(trial).out_features
        trial.suggest_categorical(HOSTILE, [HOSTILE])
        if trial.should_prune():
            raise optuna.TrialPruned
        if trial.number == 3:
            trial.set_user_attr("zc_note", HOSTILE)
            raise optuna.TrialPruned
        if trial.number == 4:
            trial.report(0.25, step=7)
            raise optuna.TrialPruned
        return float(width)

    study.optimize(objective, n_trials=trials)
    study.set_metric_names([HOSTILE])
    return study


def without_scripts(page: str) -> str:
    """What a reader sees: the markup without plotly's code and data."""
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def page() -> str:
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        return study_page(hostile_study(), size_scorer())


def test_names_and_notes_are_texts(page: str) -> None:
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(1)") > 10
    seen = without_scripts(page)
    assert "alert(2)&gt;" in seen
    assert "<img" not in seen
    # Plotly's own data hold none either, also not as JSON that a script would write.
    assert "<script>alert" not in page.replace("\\u003c", "<").replace("\\u003e", ">")


def test_it_loads_nothing(page: str) -> None:
    seen = without_scripts(page)
    assert not re.search(r"(src|href)\s*=", seen.replace("img src=x", ""))
    assert "default-src 'none'" in seen
    assert "showSendToCloud" in page


def test_it_tells_what_was_found_and_what_the_scores_were_worth(page: str) -> None:
    seen = without_scripts(page)
    assert "The scores help here" in seen
    assert "stopped in training after step 7, at 0.25" in seen
    assert "1 stopped in training" in seen
    assert re.search(r"\d+ score too low", seen)
    assert "Scores layer by layer are not stored" in seen


def test_size_alone() -> None:
    study = optuna.create_study(direction="maximize")
    for value in range(12):
        scores = {"zc_params": float(value), "zc_naswot": value + (value % 3) * 2.0}
        study.add_trial(create_trial(value=float(value), user_attrs=scores))
    assert "Size alone would have done as well." in study_page(study)
    for value in range(12):
        scores = {"zc_params": float(-value), "zc_naswot": float(value)}
        study.add_trial(create_trial(value=float(value), user_attrs=scores))
    assert "The scores tell more than parameter count does." in study_page(study)


def test_best_trials_stand_first() -> None:
    study = optuna.create_study(direction="minimize")
    for value in (3.0, 1.0, 2.0, float("inf")):
        study.add_trial(
            create_trial(value=value, user_attrs={"zc_naswot": -value if value < 9 else 0.0})
        )
    best = study_page(study).split("<h2>Best trials</h2>")[1]
    rows = re.findall(r'<tr><td class="number">(\d)</td>', best)
    assert rows[:4] == ["1", "2", "0", "3"]


def test_several_objectives_show_the_front() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    for values in ([1.0, 1.0], [2.0, 0.5], [0.5, 0.5]):
        study.add_trial(create_trial(values=values, user_attrs={"zc_naswot": 1.0}))
    best = study_page(study).split("<h2>Best trials</h2>")[1].split("<h2>")[0]
    assert "<th>value 2</th>" in best
    assert best.count("<tr>") == 3


@pytest.mark.parametrize("directions", [["maximize"], ["maximize", "minimize"]])
def test_trials_over_a_constraint_are_not_the_best(directions: list[str]) -> None:
    study = optuna.create_study(directions=directions)
    for excess in (1.0, 0.0, -1.0, float("nan")):
        value = 9.0 if math.isnan(excess) else excess
        study.add_trial(
            create_trial(values=[value] * len(directions), system_attrs={"constraints": [excess]})
        )
    best = study_page(study).split("<h2>Best trials</h2>")[1].split("<h2>")[0]
    rows = re.findall(r'<tr><td class="number">(\d)</td>', best)
    assert rows == ["1", "2"]
    assert "2 over a constraint are left out" in best


def test_only_trials_over_a_constraint() -> None:
    study = optuna.create_study()
    study.add_trial(create_trial(value=1.0, system_attrs={"constraints": [1.0]}))
    best = study_page(study).split("<h2>Best trials</h2>")[1].split("<h2>")[0]
    assert best.strip() == "<p>1 over a constraint are left out.</p>"


def test_parameters_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    study, scorer = optuna.create_study(), recipes.az_nas((4,))
    widths = optuna.distributions.IntDistribution(1, 64)
    for width in range(1, 7):
        scores = {f"zc_{proxy.name}": float(width) for proxy in scorer.proxies}
        study.add_trial(
            create_trial(
                value=float(width),
                user_attrs=scores,
                params={"width": width},
                distributions={"width": widths},
            )
        )
    counted = []
    verdict = Admission.verdict

    def noted(admission: Admission, architecture: Any) -> Any:
        counted.append(architecture)
        return verdict(admission, architecture)

    monkeypatch.setattr(Admission, "verdict", noted)
    assert "params (baseline)" in study_page(study, scorer, build_mlp)
    assert len(counted) == 6


def test_a_study_of_nothing() -> None:
    study = optuna.create_study()
    seen = study_page(study)
    assert "0 trials: none" in seen
    assert "Nothing that was trained tells the scores right or wrong yet" in seen
    assert len(seen) < 10_000, "plotly's code is left out without a plot"
    study.add_trial(create_trial(state=TrialState.PRUNED))
    assert "for no reason that is stored" in study_page(study)


def test_a_long_study_is_cut() -> None:
    study = optuna.create_study()
    study.add_trials([create_trial(value=1.0, user_attrs={"zc_note": "none"}) for _ in range(303)])
    assert "3 earlier ones are left out" in study_page(study)


def test_a_browser_shows_it(tmp_path: Path) -> None:
    scorer = recipes.az_nas((3, 8, 8), batch_size=4)
    study = optuna.create_study(
        direction="maximize",
        study_name=HOSTILE,
        sampler=ZeroCostSampler(RandomSampler(seed=0), build_cnn, scorer, candidates=1),
    )

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_categorical(HOSTILE, [HOSTILE])
        return float(sum(p.numel() for p in build_cnn(trial).parameters()))

    study.optimize(objective, n_trials=8)
    file = tmp_path / "page.html"
    file.write_text(study_page(study, scorer, build_cnn), encoding="utf-8")
    with browsed() as (page, wrong):
        page.goto(file.as_uri())
        for plot in ("scores", "trust", "layers"):
            page.wait_for_selector(f"#plot-{plot} .main-svg")
            shown = page.locator(f"#plot-{plot}")
            assert shown.bounding_box()["height"] > 200
            assert shown.locator(".points path.point").count() >= 8
        page.screenshot(path=tmp_path / "page.png", full_page=True)
        assert page.locator("h1").inner_text() == f"Study {HOSTILE}"
        assert page.locator('[data-title="Share chart..."]').count() == 0
        assert not wrong


def test_a_browser_would_have_seen_it(tmp_path: Path) -> None:
    """The list of what went wrong is filled where something does."""
    file = tmp_path / "page.html"
    file.write_text(f"{HOSTILE}<script>console.error('c'); nothing()</script>")
    with browsed() as (page, wrong):
        page.goto(file.as_uri())
        page.wait_for_timeout(200)
        told = " ".join(wrong)
        assert all(word in told for word in ("1", "2", "c", "nothing is not defined"))


def journal(file: Path, *names: str) -> optuna.storages.JournalStorage:
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(file)))
    for name in names:
        optuna.create_study(storage=storage, study_name=name)
    return storage


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_stored_studies_are_opened(tmp_path: Path) -> None:
    file, url = tmp_path / "study.log", f"sqlite:///{tmp_path / 'study.db'}"
    journal(file, "only")
    database = optuna.storages.RDBStorage(url)
    for name in ("one", "two"):
        optuna.create_study(storage=database, study_name=name)
    database.engine.dispose()
    with stored_study(str(file)) as study:
        assert study.study_name == "only"
    for place in (url, str(tmp_path / "study.db")):
        assert is_stored_study(place)
        with stored_study(place, "two") as study:
            assert study.study_name == "two"
        with (
            pytest.raises(InvalidArgument, match="2 studies: pass one of 'one', 'two'"),
            stored_study(place),
        ):
            pass
        with pytest.raises(InvalidArgument, match="no study 'x'"), stored_study(place, "x"):
            pass


def test_a_study_behind_grpc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grpc = pytest.importorskip("optuna.storages._grpc.server", reason="grpcio is not installed")
    kept = journal(tmp_path / "study.log", "mine")
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    server = grpc.make_server(kept, "localhost", port)
    server.start()
    try:
        with stored_study(f"grpc://localhost:{port}") as study:
            assert study.study_name == "mine"
            # What the reader raises is the reader's.
            with pytest.raises(ZeroDivisionError), stored_study(f"grpc://localhost:{port}"):
                raise ZeroDivisionError
    finally:
        server.stop(None).wait()
    monkeypatch.setattr("zc_plugins.optuna.stored_study._PATIENCE_SECONDS", 0.2)
    with (
        pytest.raises(InvalidArgument, match=f"'grpc://localhost:{port}' cannot be read"),
        stored_study(f"grpc://localhost:{port}"),
    ):
        pass


def test_an_ipv6_address_keeps_its_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def proxy(*, host: str, port: int) -> None:
        asked.append((host, port))
        raise ConnectionError("nobody")

    monkeypatch.setattr("zc_plugins.optuna.stored_study.GrpcStorageProxy", proxy)
    with pytest.raises(InvalidArgument, match="nobody"), stored_study("grpc://[::1]:7"):
        pass
    assert asked == [("[::1]", 7)]


def test_a_driver_that_is_missing() -> None:
    with (
        pytest.raises(InvalidArgument, match="install the package") as error,
        stored_study("mysql://me:secret@localhost/x"),
    ):
        pass
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("sqlite:///nowhere.db", "is no file"),
        ("nowhere.log", "is not there"),
        ("sqlite:///other.db", "cannot be read"),
        ("other.log", "cannot be read"),
        ("nothing://x", "cannot be read"),
        ("grpc://localhost", "pass grpc://host:port"),
        ("grpc://localhost:many", "pass grpc://host:port"),
        ("grpc://me:sec/secret@localhost:1", "pass grpc://host:port"),
        ("redis://me:secret@localhost:1/0?password=secret", "cannot be read"),
        ("postgresql://me:secret@127.0.0.1:1/x", "cannot be read"),
        ("postgresql://127.0.0.1:1/x?password=secret", "cannot be read"),
        ("://secret", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told_and_left(
    place: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    monkeypatch.chdir(tmp_path)
    other = sqlite3.connect("other.db")
    other.execute("CREATE TABLE mine (number INTEGER)")
    other.commit()
    other.close()
    Path("other.log").write_text(json.dumps({"no": "journal"}) + "\n")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(InvalidArgument, match=told) as error, stored_study(place):
        pass
    assert "secret" not in str(error.value)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_other_files_are_no_studies(tmp_path: Path) -> None:
    (tmp_path / "curves.csv").write_text("problem,method\n")
    for place in ("curves.csv", "nowhere", "."):
        assert not is_stored_study(str(tmp_path / place))


def test_layers_of_networks_that_cannot_be_built() -> None:
    study = optuna.create_study()
    study.add_trial(create_trial(value=1.0, user_attrs={"zc_params": 1.0}))

    def none(trial: Any) -> Any:
        raise RuntimeError("gone")

    assert "are not stored" in study_page(study, size_scorer(), none)


@pytest.mark.parametrize(
    ("attributes", "reference"),
    [
        ({"zc_params": "many"}, ""),
        ({"zc_params": [1, 2]}, ""),
        ({"zc_params": 10**400}, ""),
        ({"zc_expressivity": 10**400}, ""),
        pytest.param({}, "[" * 100_000, id="nested"),
    ],
)
def test_attributes_of_others_are_no_scores(attributes: dict[str, Any], reference: str) -> None:
    study = optuna.create_study(direction="maximize")
    study.set_user_attr("zc_reference", reference)
    for number in range(5):
        scores = {"zc_expressivity": float(number), "zc_trainability": 1.0}
        study.add_trial(create_trial(value=float(number), user_attrs={**scores, **attributes}))
    page = without_scripts(study_page(study))
    told = "Nothing that was trained" in page
    assert told == ("zc_expressivity" in attributes)
    assert "params (baseline)" not in page
