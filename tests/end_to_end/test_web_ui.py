"""NNI's web UI in a real browser, of a running and of a finished study: it shows what the records say."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from selenium import webdriver

from rarepix import records
from rarepix.search.nni import trial_io
from rarepix.search.nni.client import Manager, Trial
from rarepix.search.studies import study
from rarepix.search.studies.watch import watch
from tests.end_to_end.browser import TIMEOUT, TrialsPage, chromium, overview
from tests.search.lab import Lab
from tests.search.ports import free_port

pytestmark = pytest.mark.full

CURVES = {"default": [0, 0.1, 0.2], "miou": [0, 0.2, 0.4]}
"""What a pretended trial reports."""
ENQUEUED = {"optim.lr": 0.02, "loss": {"_name": "focal", "gamma": 1.5}}
WAITS = 4
"""Number of the trial that waits for the file ``go-on``."""
ICONS_AND_FONTS = {"res.cdn.office.net", "res-1.cdn.office.net"}
"""Hosts that the pages ask for decoration, here in vain. ``docs/reference/web_ui.md`` says what is missing then."""
ADVISOR = {
    "codeDirectory": ".",
    "className": "rarepix.search.advisor.OptunaAdvisor",
    "classArgs": {"seed": 2, "enqueue": [ENQUEUED], "blocks": {"folds": [1, 2]}},
}


@dataclass(frozen=True)
class View:
    """What the browser showed, and the trials and records at that time. Mappings are by trial id."""

    trials: dict[str, Trial]
    records: dict[str, records.TrialRecord]
    """Of the trials that have succeeded."""
    overview: str
    default_metrics: list[str]
    """What can be chosen in *Default metric*."""
    axes: list[str]
    curves: dict[str, list[float]]
    columns: list[str]
    rows: dict[str, dict[str, str]]
    details: dict[str, str]
    compared: dict[str, list[str]]
    compared_curves: dict[str, dict[str, list[float]]]
    """By metric, then by trial id."""
    errors: list[str]

    def in_order(self) -> list[Trial]:
        """Return the trials by their numbers."""
        return sorted(self.trials.values(), key=lambda trial: trial.number)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, View]]:
    """View a study while it runs, and again when it is done, stopped and opened for reading."""
    with pytest.MonkeyPatch.context() as patch, chromium(tmp_path_factory.mktemp("profile")) as driver:
        lab = Lab(tmp_path_factory.mktemp("lab"), patch)
        patch.setenv("RAREPIX_RESULTS", str(lab.folder / "results"))
        lab.pretend(_1="raise", **{f"_{WAITS}": "wait"})
        file = lab.study(tuner=ADVISOR, maxTrialNumber=WAITS + 1, maxTrialDuration="10m")
        try:
            running = study.start(file, free_port())
            _await_waiting_trial(running)
            first = _view(driver, running, running.url)
            (lab.folder / "go-on").touch()
            assert watch(running, lambda trials, wrong: None).exit_code == 0
            study.stop(running.id)
            opened = study.view(running.id, free_port())
            yield {"running": first, "finished": _view(driver, running, opened)}
        finally:
            lab.stop_all()


@pytest.fixture(params=["running", "finished"])
def view(request: pytest.FixtureRequest, views: dict[str, View]) -> View:
    """Give the view of the running and of the finished study, one after the other."""
    return views[request.param]


def test_the_study_has_one_failed_one_retried_and_one_enqueued_trial(views: dict[str, View]) -> None:
    states = {name: [trial.status for trial in view.in_order()] for name, view in views.items()}
    past = ["SUCCEEDED", "FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert states == {"running": [*past, "RUNNING"], "finished": [*past, "SUCCEEDED"]}
    for view in views.values():
        assert [trial.run for trial in view.trials.values() if trial.run != trial.id] == [view.in_order()[1].id]
        assert any(ENQUEUED.items() <= record.parameters.items() for record in view.records.values())


def test_the_overview_shows_state_best_and_numbers(views: dict[str, View]) -> None:
    running, finished = (views[name].overview.split() for name in ("running", "finished"))
    for shown, status, numbers in (
        (running, "NO_MORE_TRIAL", "Succeeded 3 5/5 Running 1 Stopped 0 Waiting 0 Failed 1"),
        (finished, "VIEWED", "Succeeded 4 5/5 Running 0 Stopped 0 Waiting 0 Failed 1"),
    ):
        assert f"{status} Status 0.500000 Best metric" in " ".join(shown)
        assert numbers in " ".join(shown)


def test_the_table_shows_every_trial_with_its_state_and_objective(view: View) -> None:
    assert view.rows.keys() == view.trials.keys()
    for id_, trial in view.trials.items():
        row = view.rows[id_]
        assert (row["sequenceId"], row["status"]) == (str(trial.number), trial.status)
        if id_ in view.records:
            assert row["latestAccuracy"] == f"{view.records[id_].objective.value} (FINAL)"
        else:
            newest = f"{CURVES['default'][-1]} (LATEST)"
            assert row["latestAccuracy"] == (newest if trial.status == "RUNNING" else "--")


def test_dotted_and_nested_parameters_are_columns(view: View) -> None:
    assert {"optim.lr (space)", "loss (space)", "data.fold (space)", "seed (space)"} <= set(view.columns)
    for id_, record in view.records.items():
        row = view.rows[id_]
        assert float(row["space/optim.lr"]) == record.parameters["optim.lr"]
        assert row["space/loss"] == record.parameters["loss"]["_name"]
        assert row["space/data.fold"] == str(record.parameters["data.fold"])
        assert row["space/continues"] == view.trials[id_].parameters.get("continues", "")


def test_a_row_unfolds_to_all_parameters(view: View) -> None:
    for id_, trial in view.trials.items():
        assert view.details[id_].replace(" ", "") == _unfolded(trial.parameters)
    for id_, record in view.records.items():
        assert view.details[id_].replace(" ", "").startswith(_unfolded(record.parameters))


def test_every_trial_has_its_learning_curve(view: View) -> None:
    expected = {id_: [] if trial.status == "FAILED" else CURVES["default"] for id_, trial in view.trials.items()}
    assert view.curves == expected


def test_the_curve_of_every_metric_can_be_chosen(view: View) -> None:
    assert view.compared_curves == {
        metric: {id_: [] if trial.status == "FAILED" else curve for id_, trial in view.trials.items()}
        for metric, curve in CURVES.items()
    }


def test_every_final_metric_can_be_chosen_and_is_shown(view: View) -> None:
    for id_, record in view.records.items():
        metrics = trial_io.to_metrics(trial_io.final_scores(record))
        assert view.default_metrics == list(metrics)
        assert set(metrics) < set(view.axes)
        shown = {key: float(text) for key, text in view.rows[id_].items() if key.startswith("metric/")}
        assert shown == {f"metric/{name}": value for name, value in metrics.items() if name != "default"}


def test_every_parameter_of_the_space_and_of_the_block_is_an_axis(view: View) -> None:
    assert view.axes[:4] == ["optim.lr", "loss", "seed", "data.fold"]


def test_trials_are_compared_side_by_side(view: View) -> None:
    trials = view.in_order()
    assert view.compared["ID"] == [trial.id for trial in trials]
    assert view.compared["loss"] == [trial.parameters["loss"]["_name"] for trial in trials]
    assert [float(text) for text in view.compared["optim.lr"]] == [trial.parameters["optim.lr"] for trial in trials]
    assert view.compared["data.fold"] == [str(trial.parameters["data.fold"]) for trial in trials]
    assert view.compared["Metric: default"] == ["0.5" if trial.id in view.records else "--" for trial in trials]


def test_the_browser_has_no_errors_and_asks_no_other_host(view: View) -> None:
    unloaded = [message for message in view.errors if "Failed to load resource" in message]
    assert view.errors == unloaded
    assert {urlsplit(message.split()[0]).hostname for message in unloaded} <= ICONS_AND_FONTS


def _unfolded(parameters: dict) -> str:
    """Return parameters as an unfolded row shows them, without spaces."""
    shown = [
        f"{name}:{_unfolded(value) if isinstance(value, dict) else json.dumps(value)}"
        for name, value in parameters.items()
    ]
    return "".join(shown)


def _await_waiting_trial(running: study.Study) -> None:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        trials = running.manager.trials()
        counts = [trial.report.count for trial in trials if trial.busy and trial.report]
        if len(trials) == WAITS + 1 and [trial.number for trial in trials if trial.busy] == [WAITS] and counts == [3]:
            return
        time.sleep(0.2)
    raise AssertionError(f"only trial {WAITS} must be running, with three reports, but there are {trials}")


def _view(driver: webdriver.Chrome, running: study.Study, url: str) -> View:
    folders = running.folder / "trials"
    trials = {trial.id: trial for trial in Manager(int(url.rpartition(":")[2])).trials()}
    front = overview(driver, url)
    page = TrialsPage(driver, url, len(trials))
    return View(
        trials=trials,
        records={
            trial.id: records.read(folders / trial.run / "record.json")
            for trial in trials.values()
            if trial.status == "SUCCEEDED"
        },
        overview=front,
        default_metrics=page.default_metrics(),
        axes=page.axes(),
        curves=page.curves(),
        columns=page.choose_all_columns(),
        rows=page.rows(),
        details=page.details(),
        compared=page.compare(),
        compared_curves=page.compared_curves(),
        errors=page.leave(),
    )
