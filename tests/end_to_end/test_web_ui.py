"""NNI's web UI in a real browser, of a study that runs and once it is done: it shows what the records say."""

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
from tests.end_to_end.browser import PATIENCE, TrialsPage, chromium, overview
from tests.search.lab import Lab
from tests.search.ports import free_port

pytestmark = pytest.mark.full

CURVES = {"default": [0, 0.1, 0.2], "miou": [0, 0.2, 0.4]}
"""What a pretended trial reports."""
KNOWN = {"optim.lr": 0.02, "loss": {"_name": "focal", "gamma": 1.5}}
WAITS = 4
"""Number of the trial that waits until it is told to go on."""
ICONS_AND_FONTS = {"res.cdn.office.net", "res-1.cdn.office.net"}
"""Hosts that the pages ask for decoration, here in vain. ``docs/reference/web_ui.md`` says what is missing then."""
ADVISOR = {
    "codeDirectory": ".",
    "className": "rarepix.search.advisor.OptunaAdvisor",
    "classArgs": {"seed": 2, "enqueue": [KNOWN], "blocks": {"folds": [1, 2]}},
}


@dataclass(frozen=True)
class Look:
    """What the browser showed, and what was true at that time. Mappings are by trial id."""

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
    states = {name: [trial.status for trial in look.in_order()] for name, look in looks.items()}
    past = ["SUCCEEDED", "FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert states == {"running": [*past, "RUNNING"], "finished": [*past, "SUCCEEDED"]}
    for look in looks.values():
        assert [trial.run for trial in look.trials.values() if trial.run != trial.id] == [look.in_order()[1].id]
        assert any(KNOWN.items() <= record.parameters.items() for record in look.records.values())


def test_the_overview_tells_state_best_and_numbers(looks: dict[str, Look]) -> None:
    running, finished = (looks[name].overview.split() for name in ("running", "finished"))
    for shown, status, numbers in (
        (running, "NO_MORE_TRIAL", "Succeeded 3 5/5 Running 1 Stopped 0 Waiting 0 Failed 1"),
        (finished, "VIEWED", "Succeeded 4 5/5 Running 0 Stopped 0 Waiting 0 Failed 1"),
    ):
        assert f"{status} Status 0.500000 Best metric" in " ".join(shown)
        assert numbers in " ".join(shown)


def test_the_table_tells_every_trial_with_its_state_and_objective(look: Look) -> None:
    assert look.rows.keys() == look.trials.keys()
    for id_, trial in look.trials.items():
        row = look.rows[id_]
        assert (row["sequenceId"], row["status"]) == (str(trial.number), trial.status)
        if id_ in look.records:
            assert row["latestAccuracy"] == f"{look.records[id_].objective.value} (FINAL)"
        else:
            newest = f"{CURVES['default'][-1]} (LATEST)"
            assert row["latestAccuracy"] == (newest if trial.status == "RUNNING" else "--")


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
        assert look.details[id_].replace(" ", "") == _unfolded(trial.parameters)
    for id_, record in look.records.items():
        assert look.details[id_].replace(" ", "").startswith(_unfolded(record.parameters))


def test_every_trial_has_its_learning_curve(look: Look) -> None:
    expected = {id_: [] if trial.status == "FAILED" else CURVES["default"] for id_, trial in look.trials.items()}
    assert look.curves == expected


def test_the_curve_of_every_metric_can_be_chosen(look: Look) -> None:
    assert look.compared_curves == {
        metric: {id_: [] if trial.status == "FAILED" else curve for id_, trial in look.trials.items()}
        for metric, curve in CURVES.items()
    }


def test_every_final_metric_can_be_chosen_and_is_told(look: Look) -> None:
    for id_, record in look.records.items():
        metrics = trial_io.to_metrics(trial_io.final_scores(record))
        assert look.default_metrics == list(metrics)
        assert set(metrics) < set(look.axes)
        told = {key: float(text) for key, text in look.rows[id_].items() if key.startswith("metric/")}
        assert told == {f"metric/{name}": value for name, value in metrics.items() if name != "default"}


def test_every_parameter_of_the_space_and_of_the_block_is_an_axis(look: Look) -> None:
    assert look.axes[:4] == ["optim.lr", "loss", "seed", "data.fold"]


def test_trials_are_compared_side_by_side(look: Look) -> None:
    trials = look.in_order()
    assert look.compared["ID"] == [trial.id for trial in trials]
    assert look.compared["loss"] == [trial.parameters["loss"]["_name"] for trial in trials]
    assert [float(text) for text in look.compared["optim.lr"]] == [trial.parameters["optim.lr"] for trial in trials]
    assert look.compared["data.fold"] == [str(trial.parameters["data.fold"]) for trial in trials]
    assert look.compared["Metric: default"] == ["0.5" if trial.id in look.records else "--" for trial in trials]


def test_nothing_is_wrong_in_the_browser_and_nobody_else_is_asked(look: Look) -> None:
    missed = [message for message in look.errors if "Failed to load resource" in message]
    assert look.errors == missed
    assert {urlsplit(message.split()[0]).hostname for message in missed} <= ICONS_AND_FONTS


def _unfolded(parameters: dict) -> str:
    """Return parameters as an unfolded row shows them, without spaces."""
    shown = [
        f"{name}:{_unfolded(value) if isinstance(value, dict) else json.dumps(value)}"
        for name, value in parameters.items()
    ]
    return "".join(shown)


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
    return Look(
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
