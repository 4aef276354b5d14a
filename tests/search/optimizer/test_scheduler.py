"""The scheduler: which runs it starts, stops and retries, and that it continues after a kill."""

import itertools

import numpy as np
import pytest

from rarepix.search.optimizer.axes import encode
from rarepix.search.optimizer.journal import JournalError
from rarepix.search.optimizer.proposals import SAMPLERS
from rarepix.search.optimizer.pruners import PRUNERS
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import PRUNER_NAMES, SAMPLER_NAMES, SearchSettings
from rarepix.search.optimizer.study_state import canonical
from rarepix.seeding import generator
from tests.search.optimizer.simulation import BLOCKS, DEFAULT, SPACE, carry_out, make, run_to_the_end, score

CAUSES = {"out_of_memory": 1, "non_finite": 1, "lost": 3, "hung": 1, "crash": 1}


def cells(scheduler: Scheduler) -> list[tuple[str, int]]:
    """Configuration × block of every first attempt."""
    return [
        (canonical(scheduler.state.configurations[run.configuration].parameters), run.block)
        for run in scheduler.state.runs.values()
        if run.attempt == 1
    ]


def test_the_settings_name_every_sampler_and_pruner():
    assert set(SAMPLER_NAMES) == {*SAMPLERS, "grid"}
    assert set(PRUNER_NAMES) == set(PRUNERS)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_proposes_new_points_of_the_space_after_the_default(sampler):
    scheduler = run_to_the_end(make(sampler=sampler, samples=25, seed=4))
    tried = [configuration.parameters for configuration in scheduler.state.configurations]
    assert tried[0] == DEFAULT
    assert len({canonical(parameters) for parameters in tried}) == len(tried) == 25
    for parameters in tried:
        encode(SPACE, parameters)  # raises if it lies outside
    assert {configuration.end for configuration in scheduler.state.configurations} == {"complete"}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_continues_after_a_kill_with_all_results(sampler, tmp_path):
    settings = {"sampler": sampler, "samples": 16, "seed": 4, "pruner": "asha"}
    first = make(tmp_path, **settings)
    for _ in range(8):
        carry_out(first, first.next().number)
    running = first.next()
    again = finish_run_then_search(make(tmp_path, **settings), running.number)
    assert [vars(c) for c in again.state.configurations[:8]] == [vars(c) for c in first.state.configurations[:8]]
    restored = again.proposals.study.get_trials(deepcopy=False)[:8]
    values = [trial.value for trial in first.proposals.study.get_trials(deepcopy=False)[:8]]
    assert [trial.value for trial in restored] == values
    assert len(again.state.configurations) == 16


def finish_run_then_search(scheduler: Scheduler, number: int) -> Scheduler:
    carry_out(scheduler, number)
    return run_to_the_end(scheduler)


def test_the_seed_determines_the_search():
    runs = [run_to_the_end(make(sampler="tpe", samples=15, seed=seed)) for seed in (1, 1, 2)]
    same, again, other = ([c.parameters for c in scheduler.state.configurations] for scheduler in runs)
    assert same == again
    assert same[1:] != other[1:]


def test_tpe_finds_a_better_configuration_than_random_search():
    best = {}
    for sampler in ("tpe", "random"):
        searches = [run_to_the_end(make(sampler=sampler, samples=60, seed=seed)) for seed in range(3)]
        finals = [[run.metrics["default"] for run in scheduler.state.runs.values()] for scheduler in searches]
        best[sampler] = np.median([max(values) for values in finals])
    assert best["tpe"] > best["random"]


@pytest.mark.parametrize("pruner", [name for name in PRUNERS if name not in ("none", "patient", "wilcoxon")])
def test_every_pruner_stops_what_is_clearly_worse_and_never_the_default(pruner):
    def bad_default(parameters, epoch):
        return -9.0 if parameters["optim.lr"] == DEFAULT["optim.lr"] else score(parameters, epoch)

    scheduler = run_to_the_end(make(pruner=pruner, samples=30, sampler="random"), value=bad_default)
    ends = [configuration.end for configuration in scheduler.state.configurations]
    assert ends[0] == "complete"
    assert 5 <= ends.count("stopped") < 30
    best = max(scheduler.state.configurations, key=lambda c: score(c.parameters))
    assert best.end == "complete"


def test_the_patient_pruner_stops_what_gets_worse():
    scheduler = make(pruner="patient", pruner_args={"patience": 2}, samples=2)
    scheduler.next()
    scheduler.end(0, "complete", metrics={"default": 0.5})
    run = scheduler.next()
    curve = [0.4, 0.5, 0.45, 0.44, 0.43]
    stops = [scheduler.report(run.number, {"default": value, "epoch": epoch}) for epoch, value in enumerate(curve, 1)]
    assert stops == [False, False, False, False, True]  # the last three are all below the best before them


def test_the_sampler_learns_the_curves_of_stopped_runs():
    scheduler = run_to_the_end(make(pruner="asha", samples=20, sampler="tpe"))
    stopped = [c.number for c in scheduler.state.configurations if c.end == "stopped"]
    trials = scheduler.proposals.study.get_trials(deepcopy=False)
    for number in stopped:
        trial = trials[scheduler.proposals._trials[number]]
        assert trial.state.name == "PRUNED"
        assert list(trial.intermediate_values) == list(scheduler.state.runs_of[number][0].curve)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_failed_run_is_run_again_as_often_as_its_cause_allows(cause):
    scheduler = make(samples=1)
    jobs = []
    while (run := scheduler.next()) is not None:
        jobs.append((run.attempt, run.continues))
        scheduler.job(run.number, f"job{run.number}")
        scheduler.end(run.number, "failed", cause)
    times = CAUSES[cause]
    assert jobs == [(1, None), *((attempt, "job0") for attempt in range(2, times + 2))]
    assert scheduler.state.configurations[0].end == "failed"


def test_causes_of_failure_are_counted_separately():
    scheduler = make(samples=1)
    for cause in ("crash", "out_of_memory", "lost"):
        scheduler.end(scheduler.next().number, "failed", cause)
    scheduler.end(scheduler.next().number, "complete", metrics={"default": 1.0})
    assert scheduler.next() is None
    assert scheduler.state.configurations[0].end == "complete"


def test_nothing_is_retried_beyond_the_limit():
    scheduler = make(samples=1, limit=1)
    scheduler.end(scheduler.next().number, "failed", "crash")
    assert scheduler.next() is None
    assert scheduler.state.configurations[0].end == "failed"


def test_the_sampler_ranks_diverging_configurations_last_and_ignores_lost_ones():
    states = {}
    for cause in ("non_finite", "lost"):
        scheduler = make(samples=1, retries={"non_finite": 0, "lost": 0})
        scheduler.end(scheduler.next().number, "failed", cause)
        states[cause] = scheduler.proposals.study.get_trials(deepcopy=False)[0].state.name
    assert states == {"non_finite": "PRUNED", "lost": "FAIL"}


def test_every_configuration_runs_on_every_block_in_the_same_order():
    scheduler = run_to_the_end(make(blocks=BLOCKS, samples=5))
    assert len(cells(scheduler)) == len(set(cells(scheduler))) == 5 * 4
    for number in range(5):
        assert [run.block for run in scheduler.state.runs_of[number]] == [0, 1, 2, 3]
    parameters = [scheduler.state.trial_parameters(run) for run in scheduler.state.runs_of[0]]
    assert [(given["seed"], given["data.fold"]) for given in parameters] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    finals = [run.metrics["default"] for run in scheduler.state.runs_of[1]]
    trial = scheduler.proposals.study.get_trials(deepcopy=False)[1]
    assert trial.value == pytest.approx(np.mean(finals))


def test_a_listed_study_runs_its_configurations_block_by_block():
    listed = [{"optim.lr": 0.1 / 10**k, "optim.weight_decay": 0.3, "loss": {"_name": "focal"}} for k in range(3)]
    scheduler = run_to_the_end(make(blocks=BLOCKS[:2], configurations=listed))
    assert [(run.configuration, run.block) for run in scheduler.state.runs.values()] == [
        (0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1),
    ]  # fmt: skip


def test_a_listed_study_continues_after_a_failure():
    scheduler = make(blocks=BLOCKS[:2], configurations=[DEFAULT], retries={"crash": 0})
    scheduler.end(scheduler.next().number, "failed", "crash")
    scheduler.end(scheduler.next().number, "complete", metrics={"default": 1.0})
    assert scheduler.next() is None
    assert scheduler.state.configurations[0].end == "complete"


def test_a_grid_is_every_point_once():
    space = {"a": {"_type": "choice", "_value": [1, 2]}, "b": {"_type": "choice", "_value": ["x", "y"]}}
    scheduler = run_to_the_end(
        Scheduler(SearchSettings(sampler="grid"), space, {"a": 2, "b": "x"}), value=lambda parameters, epoch: 0.0
    )
    tried = [tuple(c.parameters.values()) for c in scheduler.state.configurations]
    assert tried[0] == (2, "x")
    assert sorted(tried) == sorted(itertools.product([1, 2], ["x", "y"]))


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "cmaes"])
def test_a_small_space_is_exhausted_without_repeats(sampler):
    space = {"a": {"_type": "choice", "_value": [1, 2, 3]}, "b": {"_type": "choice", "_value": ["x", "y"]}}
    scheduler = Scheduler(SearchSettings(sampler=sampler, samples=50), space, {"a": 1, "b": "x"})
    run_to_the_end(scheduler, value=lambda parameters, epoch: parameters["a"])
    assert len(scheduler.state.configurations) == 6


def test_the_race_drops_what_is_clearly_worse_and_keeps_the_rest():
    lr = {"good": 0.01, "near": 0.0101, "bad": 0.0001}
    listed = [{"optim.lr": value, "optim.weight_decay": 0.3, "loss": {"_name": "focal"}} for value in lr.values()]

    def noisy(parameters, epoch):
        noise = generator(0, str(parameters["optim.lr"]), parameters["seed"], parameters["data.fold"]).normal()
        return score(parameters, epoch) + 0.01 * noise

    scheduler = run_to_the_end(make(blocks=BLOCKS, configurations=listed, race={}), value=noisy)
    ends = dict(zip(lr, (c.end for c in scheduler.state.configurations), strict=True))
    assert ends == {"good": "complete", "near": "complete", "bad": "dropped"}
    assert len(scheduler.state.runs_of[2]) < 4


def test_the_wilcoxon_pruner_ends_configurations_over_blocks():
    blocks = [block.model_copy(update={"seed": seed}) for block in BLOCKS[:1] for seed in range(12)]
    scheduler = make(blocks=blocks, pruner="wilcoxon", samples=12, sampler="random")

    def noisy(parameters, epoch):
        return score(parameters, epoch) + 0.01 * np.sin(parameters["seed"])

    run_to_the_end(scheduler, value=noisy)
    ends = [c.end for c in scheduler.state.configurations]
    assert ends[0] == "complete"
    assert "dropped" in ends


def test_the_sampler_gets_every_objective_with_its_direction():
    scheduler = make(sampler="nsga2", objectives=["miou", "seconds"], samples=1)
    scheduler.end(scheduler.next().number, "complete", metrics={"default": 0.5, "miou": 0.5, "seconds": 10.0})
    study = scheduler.proposals.study
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.get_trials(deepcopy=False)[0].values == [0.5, 10.0]


def test_the_sampler_learns_which_configurations_violate_constraints():
    scheduler = make(constraints={"frequent_iou": 0.6}, samples=2)
    for value in (0.7, 0.5):
        scheduler.end(scheduler.next().number, "complete", metrics={"default": 1.0, "frequent_iou": value})
    trials = scheduler.proposals.study.get_trials(deepcopy=False)
    assert [trial.constraints["frequent_iou"] for trial in trials] == [pytest.approx(-0.1), pytest.approx(0.1)]


def test_a_constraint_on_a_score_of_which_less_is_better_is_a_maximum():
    scheduler = make(constraints={"mean_false_alarm_rate": 0.1}, samples=2)
    for value in (0.05, 0.3):
        scheduler.end(scheduler.next().number, "complete", metrics={"default": 1.0, "mean_false_alarm_rate": value})
    trials = scheduler.proposals.study.get_trials(deepcopy=False)
    violations = [trial.constraints["mean_false_alarm_rate"] for trial in trials]
    assert violations == [pytest.approx(-0.05), pytest.approx(0.2)]


def test_any_score_has_its_direction_as_an_objective():
    scheduler = make(sampler="nsga2", objectives=["mean_dice", "mean_false_alarm_rate", "false_alarm_rate/car"])
    assert [direction.name for direction in scheduler.proposals.study.directions] == [
        "MAXIMIZE",
        "MINIMIZE",
        "MINIMIZE",
    ]


def test_anomalies_are_counted():
    scheduler = make(samples=1)
    run = scheduler.next()
    scheduler.report(run.number, {"default": float("nan"), "epoch": 1})
    scheduler.report(run.number, {"miou": 0.5, "epoch": 2})
    scheduler.end(run.number, "complete", metrics={"default": 0.5})
    scheduler.report(run.number, {"default": 0.4, "epoch": 3})
    scheduler.end(run.number, "failed", "crash")
    assert scheduler.state.anomalies == {"nan": 2, "late": 2}
    assert run.outcome == "complete"
    assert run.curve == {}


def test_nothing_is_lost_or_repeated_wherever_the_journal_was_cut(tmp_path):
    """A kill can leave any beginning of the journal; runs that were open are then carried out again, as NNI does."""
    settings = {"blocks": BLOCKS[:2], "samples": 4, "pruner": "asha", "seed": 7}
    whole = make(tmp_path / "whole", **settings)
    run_to_the_end(whole)
    lines = (tmp_path / "whole" / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    for cut in range(0, len(lines), 3):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "ledger.jsonl").write_bytes(b"".join(lines[:cut]) + lines[cut][: len(lines[cut]) // 2])
        scheduler = make(folder, **settings)
        for run in [run for run in scheduler.state.runs.values() if run.outcome is None]:
            carry_out(scheduler, run.number)
        run_to_the_end(scheduler)
        assert len(cells(scheduler)) == len(set(cells(scheduler)))
        assert len(scheduler.state.configurations) == 4
        assert all(c.end in ("complete", "stopped") for c in scheduler.state.configurations)


def test_a_journal_of_another_search_is_refused(tmp_path):
    make(tmp_path, samples=3)
    with pytest.raises(JournalError, match="another settings.*start a new study"):
        make(tmp_path, samples=4)
