"""NNI's web UI in a real browser, of a study that runs and once it is done: it shows what the records say."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from selenium import webdriver

from rarepix import records
from rarepix.search import study, trial_io
from rarepix.search.rest import Manager, Trial
from rarepix.search.watch import watch
from tests.end_to_end.browser import PATIENCE, TrialsPage, chromium, overview
from tests.search.lab import Lab
from tests.search.ports import free_port

CURVE = [0.0, 0.1, 0.2]
"""What a pretended trial reports."""
GAMMA = 1.5
WAITS = 4
"""Number of the trial that waits until it is told to go on."""
ICONS_AND_FONTS = {"res.cdn.office.net", "res-1.cdn.office.net"}
"""Hosts that the pages ask for decoration, here in vain. ``docs/web_ui.md`` says what is missing then."""
ADVISOR = {
    "codeDirectory": ".",
    "className": "rarepix.search.advisor.OptunaAdvisor",
    "classArgs": {"seed": 2, "known": [{"loss": {"_name": "focal", "gamma": GAMMA}}], "blocks": {"folds": [1, 2]}},
}


@dataclass(frozen=True)
class Look:
    """What the browser showed, and what was true at that time. Mappings are by trial id."""

    trials: dict[str, Trial]
    records: dict[str, records.TrialRecord]
    """Of the trials that have succeeded."""
    overview: str
    columns: list[str]
    rows: dict[str, dict[str, str]]
    details: dict[str, str]
    curves: dict[str, list[float]]
    axes: list[str]
    metrics: list[str]
    """What can be chosen in *Default metric*."""
    curve_metrics: list[str]
    """What can be chosen in *Compare*."""
    compared: dict[str, list[str]]
    errors: list[str]


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Look]]:
    """Look at a study while it runs, and again when it is done, stopped and opened for reading."""
    with pytest.MonkeyPatch.context() as patch, chromium(tmp_path_factory.mktemp("profile")) as driver:
        lab = Lab(tmp_path_factory.mktemp("lab"), patch)
        patch.setenv("RAREPIX_RESULTS", str(lab.folder / "results"))
        lab.pretend(_1="raise", **{f"_{WAITS}": "wait"})
        file = lab.study(tuner=ADVISOR, maxTrialNumber=WAITS + 1, maxTrialDuration="10m")
        try:
            running = study.start(file, free_port())
            _await_the_one_that_waits(running)
            first = _look(driver, running, running.url)
            (lab.folder / "go-on").touch()
            assert watch(running, lambda trials, wrong: None).exit_code == 0
            study.stop(running.id)
            opened = study.view(running.id, free_port())
            yield {"running": first, "finished": _look(driver, running, opened)}
        finally:
            lab.stop_all()


@pytest.fixture(params=["running", "finished"])
def look(request: pytest.FixtureRequest, looks: dict[str, Look]) -> Look:
    """Give the look at the running and at the finished study, one after the other."""
    return looks[request.param]


def test_the_study_is_what_it_is_said_to_be(looks: dict[str, Look]) -> None:
    states = {name: sorted(trial.status for trial in look.trials.values()) for name, look in looks.items()}
    assert states == {
        "running": ["FAILED", "RUNNING", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"],
        "finished": ["FAILED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"],
    }
    for look in looks.values():
        assert any("continues" in trial.parameters for trial in look.trials.values())
        assert any(record.parameters["loss"].get("gamma") == GAMMA for record in look.records.values())
        assert "0.5\nBest metric" in look.overview
    assert "RUNNING\nStatus" in looks["running"].overview


def test_the_table_tells_every_trial_with_its_state_and_objective(look: Look) -> None:
    assert look.rows.keys() == look.trials.keys()
    for id_, trial in look.trials.items():
        row = look.rows[id_]
        assert (row["sequenceId"], row["status"]) == (str(trial.number), trial.status)
        if id_ in look.records:
            assert row["latestAccuracy"] == f"{look.records[id_].objective.value} (FINAL)"
        else:
            assert row["latestAccuracy"] == (f"{CURVE[-1]} (LATEST)" if trial.status == "RUNNING" else "--")


def test_dotted_and_nested_parameters_are_columns(look: Look) -> None:
    assert {"optim.lr (space)", "loss (space)", "data.fold (space)", "seed (space)"} <= set(look.columns)
    for id_, record in look.records.items():
        row = look.rows[id_]
        assert float(row["space/optim.lr"]) == record.parameters["optim.lr"]
        assert row["space/loss"] == record.parameters["loss"]["_name"]
        assert row["space/data.fold"] == str(record.parameters["data.fold"])
        assert row["space/continues"] == look.trials[id_].parameters.get("continues", "")


def test_a_row_unfolds_to_all_parameters(look: Look) -> None:
    for id_, trial in look.trials.items():
        shown = look.details[id_]
        flat = trial.parameters | trial.parameters["loss"]
        del flat["loss"]
        assert "loss:" in shown
        for name, value in flat.items():
            assert f"{name}:{json.dumps(value)}" in shown


def test_every_trial_has_its_learning_curve(look: Look) -> None:
    expected = {id_: [] if trial.status == "FAILED" else CURVE for id_, trial in look.trials.items()}
    assert look.curves == expected
    assert look.curve_metrics == ["default", "miou"]


def test_all_metrics_can_be_chosen_and_are_told(look: Look) -> None:
    record = next(iter(look.records.values()))
    metrics = trial_io.to_metrics(trial_io.final_scores(record))
    assert look.metrics == list(metrics)
    assert look.axes[:4] == ["optim.lr", "loss", "seed", "data.fold"]
    assert set(metrics) < set(look.axes)
    for id_ in look.records:
        assert {name: float(look.rows[id_][f"metric/{name}"]) for name in metrics if name != "default"} == {
            name: value for name, value in metrics.items() if name != "default"
        }


def test_trials_are_compared_side_by_side(look: Look) -> None:
    in_order = sorted(look.trials.values(), key=lambda trial: trial.number)
    assert look.compared["ID"] == [trial.id for trial in in_order]
    assert look.compared["loss"] == [trial.parameters["loss"]["_name"] for trial in in_order]
    assert look.compared["data.fold"] == [str(trial.parameters["data.fold"]) for trial in in_order]
    assert look.compared["Metric: default"] == ["0.5" if trial.id in look.records else "--" for trial in in_order]


def test_nothing_is_wrong_in_the_browser_and_nobody_else_is_asked(look: Look) -> None:
    missed = [message for message in look.errors if "Failed to load resource" in message]
    assert look.errors == missed
    assert {urlsplit(message.split()[0]).hostname for message in missed} == ICONS_AND_FONTS


def _await_the_one_that_waits(running: study.Study) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        trials = running.manager.trials()
        counts = [trial.report.count for trial in trials if trial.busy and trial.report]
        if len(trials) == WAITS + 1 and [trial.number for trial in trials if trial.busy] == [WAITS] and counts == [3]:
            return
        time.sleep(0.2)
    raise AssertionError(f"only trial {WAITS} must be running, with three reports, but there are {trials}")


def _look(driver: webdriver.Chrome, running: study.Study, url: str) -> Look:
    folders = running.folder / "trials"
    trials = {trial.id: trial for trial in Manager(int(url.rpartition(":")[2])).trials()}
    front = overview(driver, url)
    page = TrialsPage(driver, url, len(trials))
    metrics = page.options(".default-metric")
    page.tab("Hyper-parameter")
    axes = page.axes()
    page.tab("Intermediate result")
    page.wait(page.has_drawn)
    curves = page.curves()
    columns = page.choose_all_columns()
    rows, details = page.rows(), page.details()
    page.compare(len(trials))
    return Look(
        trials=trials,
        records={
            trial.id: records.read(folders / trial.run / "record.json")
            for trial in trials.values()
            if trial.status == "SUCCEEDED"
        },
        overview=front,
        columns=columns,
        rows=rows,
        details=details,
        curves=curves,
        axes=axes,
        metrics=metrics,
        curve_metrics=page.options(".compare-modal"),
        compared=page.compared(),
        errors=page.errors(),
    )
