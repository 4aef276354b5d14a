"""A search: what it starts, and what becomes of it."""

import itertools

import numpy as np
import pytest

from rarepix.search.optimizer.axes import encode
from rarepix.search.optimizer.journal import JournalError
from rarepix.search.optimizer.pruners import PRUNERS
from rarepix.search.optimizer.samplers import SAMPLERS
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import PRUNER_NAMES, SAMPLER_NAMES, SearchSettings
from rarepix.search.optimizer.study_state import canonical
from rarepix.seeding import generator
from tests.search.optimizer.simulation import BLOCKS, DEFAULT, SPACE, carry_out, make, run_to_the_end, score

CAUSES = {"out_of_memory": 1, "non_finite": 1, "lost": 3, "hung": 1, "crash": 1}


def cells(search: Scheduler) -> list[tuple[str, int]]:
    """Configuration × block of every first attempt."""
    return [
        (canonical(search.history.configurations[run.configuration].parameters), run.block)
        for run in search.history.runs.values()
        if run.attempt == 1
    ]


def test_the_names_of_the_settings_are_those_of_the_tables():
    assert set(SAMPLER_NAMES) == {*SAMPLERS, "grid"}
    assert set(PRUNER_NAMES) == set(PRUNERS)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_proposes_new_points_of_the_space_after_the_default(sampler):
    search = run_to_the_end(make(sampler=sampler, samples=25, seed=4))
    found = [configuration.parameters for configuration in search.history.configurations]
    assert found[0] == DEFAULT
    assert len({canonical(parameters) for parameters in found}) == len(found) == 25
    for parameters in found:
        encode(SPACE, parameters)  # raises if it lies outside
    assert {configuration.end for configuration in search.history.configurations} == {"complete"}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_goes_on_after_a_kill_with_all_that_it_knew(sampler, tmp_path):
    said = {"sampler": sampler, "samples": 16, "seed": 4, "pruner": "asha"}
    first = make(tmp_path, **said)
    for _ in range(8):
        carry_out(first, first.next().number)
    running = first.next()
    again = run_to_the_end_of_open(make(tmp_path, **said), running.number)
    assert [vars(c) for c in again.history.configurations[:8]] == [vars(c) for c in first.history.configurations[:8]]
    told = again.proposals.study.get_trials(deepcopy=False)[:8]
    values = [trial.value for trial in first.proposals.study.get_trials(deepcopy=False)[:8]]
    assert [trial.value for trial in told] == values
    assert len(again.history.configurations) == 16


def run_to_the_end_of_open(search: Scheduler, number: int) -> Scheduler:
    carry_out(search, number)
    return run_to_the_end(search)


def test_the_same_seed_gives_the_same_search_and_another_seed_another():
    runs = [run_to_the_end(make(sampler="tpe", samples=15, seed=seed)) for seed in (1, 1, 2)]
    same, again, other = ([c.parameters for c in search.history.configurations] for search in runs)
    assert same == again
    assert same[1:] != other[1:]


def test_tpe_finds_what_random_search_does_not():
    best = {}
    for sampler in ("tpe", "random"):
        searches = [run_to_the_end(make(sampler=sampler, samples=60, seed=seed)) for seed in range(3)]
        finals = [[run.metrics["default"] for run in search.history.runs.values()] for search in searches]
        best[sampler] = np.median([max(values) for values in finals])
    assert best["tpe"] > best["random"]


@pytest.mark.parametrize("pruner", [name for name in PRUNERS if name not in ("none", "patient", "wilcoxon")])
def test_every_pruner_stops_what_is_clearly_worse_and_never_the_default(pruner):
    def hopeless_default(order, epoch):
        return -9.0 if order["optim.lr"] == DEFAULT["optim.lr"] else score(order, epoch)

    search = run_to_the_end(make(pruner=pruner, samples=30, sampler="random"), value=hopeless_default)
    ends = [configuration.end for configuration in search.history.configurations]
    assert ends[0] == "complete"
    assert 5 <= ends.count("stopped") < 30
    best = max(search.history.configurations, key=lambda c: score(c.parameters))
    assert best.end == "complete"


def test_the_patient_pruner_stops_what_gets_worse():
    search = make(pruner="patient", pruner_args={"patience": 2}, samples=2)
    search.next()
    search.end(0, "complete", metrics={"default": 0.5})
    run = search.next()
    curve = [0.4, 0.5, 0.45, 0.44, 0.43]
    said = [search.report(run.number, {"default": value, "epoch": epoch}) for epoch, value in enumerate(curve, 1)]
    assert said == [False, False, False, False, True]  # the last three are all below what was there before


def test_stopped_runs_teach_the_sampler_what_they_showed():
    search = run_to_the_end(make(pruner="asha", samples=20, sampler="tpe"))
    stopped = [c.number for c in search.history.configurations if c.end == "stopped"]
    told = search.proposals.study.get_trials(deepcopy=False)
    for number in stopped:
        trial = told[search.proposals._trials[number]]
        assert trial.state.name == "PRUNED"
        assert list(trial.intermediate_values) == list(search.history.runs_of[number][0].curve)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_failed_run_is_run_again_as_often_as_its_cause_allows(cause):
    search = make(samples=1)
    jobs = []
    while (run := search.next()) is not None:
        jobs.append((run.attempt, run.continues))
        search.job(run.number, f"job{run.number}")
        search.end(run.number, "failed", cause)
    times = CAUSES[cause]
    assert jobs == [(1, None), *((attempt, "job0") for attempt in range(2, times + 2))]
    assert search.history.configurations[0].end == "failed"


def test_causes_are_counted_apart():
    search = make(samples=1)
    for cause in ("crash", "out_of_memory", "lost"):
        search.end(search.next().number, "failed", cause)
    search.end(search.next().number, "complete", metrics={"default": 1.0})
    assert search.next() is None
    assert search.history.configurations[0].end == "complete"


def test_a_retry_needs_room():
    search = make(samples=1, limit=1)
    search.end(search.next().number, "failed", "crash")
    assert search.next() is None
    assert search.history.configurations[0].end == "failed"


def test_diverging_configurations_are_the_worst_for_the_sampler_and_lost_ones_are_nothing():
    states = {}
    for cause in ("non_finite", "lost"):
        search = make(samples=1, retries={"non_finite": 0, "lost": 0})
        search.end(search.next().number, "failed", cause)
        states[cause] = search.proposals.study.get_trials(deepcopy=False)[0].state.name
    assert states == {"non_finite": "PRUNED", "lost": "FAIL"}


def test_every_configuration_runs_on_every_block_in_the_same_order():
    search = run_to_the_end(make(blocks=BLOCKS, samples=5))
    assert len(cells(search)) == len(set(cells(search))) == 5 * 4
    for number in range(5):
        assert [run.block for run in search.history.runs_of[number]] == [0, 1, 2, 3]
    orders = [search.history.order(run) for run in search.history.runs_of[0]]
    assert [(order["seed"], order["data.fold"]) for order in orders] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    finals = [run.metrics["default"] for run in search.history.runs_of[1]]
    trial = search.proposals.study.get_trials(deepcopy=False)[1]
    assert trial.value == pytest.approx(np.mean(finals))


def test_a_listed_study_runs_what_is_listed_block_by_block():
    listed = [{"optim.lr": 0.1 / 10**k, "optim.weight_decay": 0.3, "loss": {"_name": "focal"}} for k in range(3)]
    search = run_to_the_end(make(blocks=BLOCKS[:2], configurations=listed))
    assert [(run.configuration, run.block) for run in search.history.runs.values()] == [
        (0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1),
    ]  # fmt: skip


def test_a_listed_study_keeps_to_its_design_where_a_run_fails():
    search = make(blocks=BLOCKS[:2], configurations=[DEFAULT], retries={"crash": 0})
    search.end(search.next().number, "failed", "crash")
    search.end(search.next().number, "complete", metrics={"default": 1.0})
    assert search.next() is None
    assert search.history.configurations[0].end == "complete"


def test_a_grid_is_every_point_once():
    space = {"a": {"_type": "choice", "_value": [1, 2]}, "b": {"_type": "choice", "_value": ["x", "y"]}}
    search = run_to_the_end(
        Scheduler(SearchSettings(sampler="grid"), space, {"a": 2, "b": "x"}), value=lambda order, epoch: 0.0
    )
    found = [tuple(c.parameters.values()) for c in search.history.configurations]
    assert found[0] == (2, "x")
    assert sorted(found) == sorted(itertools.product([1, 2], ["x", "y"]))


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "cmaes"])
def test_a_small_space_is_tried_once_and_then_the_search_is_over(sampler):
    space = {"a": {"_type": "choice", "_value": [1, 2, 3]}, "b": {"_type": "choice", "_value": ["x", "y"]}}
    search = Scheduler(SearchSettings(sampler=sampler, samples=50), space, {"a": 1, "b": "x"})
    run_to_the_end(search, value=lambda order, epoch: order["a"])
    assert len(search.history.configurations) == 6


def test_the_race_ends_what_is_clearly_worse_and_keeps_the_rest():
    lr = {"good": 0.01, "near": 0.0101, "bad": 0.0001}
    listed = [{"optim.lr": value, "optim.weight_decay": 0.3, "loss": {"_name": "focal"}} for value in lr.values()]

    def noisy(order, epoch):
        noise = generator(0, str(order["optim.lr"]), order["seed"], order["data.fold"]).normal()
        return score(order, epoch) + 0.01 * noise

    search = run_to_the_end(make(blocks=BLOCKS, configurations=listed, race={}), value=noisy)
    ends = dict(zip(lr, (c.end for c in search.history.configurations), strict=True))
    assert ends == {"good": "complete", "near": "complete", "bad": "dropped"}
    assert len(search.history.runs_of[2]) < 4


def test_the_wilcoxon_pruner_ends_configurations_over_blocks():
    blocks = [block.model_copy(update={"seed": seed}) for block in BLOCKS[:1] for seed in range(12)]
    search = make(blocks=blocks, pruner="wilcoxon", samples=12, sampler="random")

    def noisy(order, epoch):
        return score(order, epoch) + 0.01 * np.sin(order["seed"])

    run_to_the_end(search, value=noisy)
    ends = [c.end for c in search.history.configurations]
    assert ends[0] == "complete"
    assert "dropped" in ends


def test_several_objectives_reach_the_sampler_in_their_directions():
    search = make(sampler="nsga2", objectives=["miou", "seconds"], samples=1)
    search.end(search.next().number, "complete", metrics={"default": 0.5, "miou": 0.5, "seconds": 10.0})
    study = search.proposals.study
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.get_trials(deepcopy=False)[0].values == [0.5, 10.0]


def test_constraints_tell_the_sampler_what_is_not_feasible():
    search = make(constraints={"frequent_iou": 0.6}, samples=2)
    for value in (0.7, 0.5):
        search.end(search.next().number, "complete", metrics={"default": 1.0, "frequent_iou": value})
    told = search.proposals.study.get_trials(deepcopy=False)
    assert [trial.constraints["frequent_iou"] for trial in told] == [pytest.approx(-0.1), pytest.approx(0.1)]


def test_reports_that_should_not_come_are_counted():
    search = make(samples=1)
    run = search.next()
    search.report(run.number, {"default": float("nan"), "epoch": 1})
    search.report(run.number, {"miou": 0.5, "epoch": 2})
    search.end(run.number, "complete", metrics={"default": 0.5})
    search.report(run.number, {"default": 0.4, "epoch": 3})
    search.end(run.number, "failed", "crash")
    assert search.history.odd == {"nan": 2, "late": 2}
    assert run.outcome == "complete"
    assert run.curve == {}


def test_nothing_is_lost_or_doubled_wherever_the_ledger_was_cut(tmp_path):
    """A kill leaves any beginning of the ledger; runs that were out are then told again, as NNI would."""
    said = {"blocks": BLOCKS[:2], "samples": 4, "pruner": "asha", "seed": 7}
    whole = make(tmp_path / "whole", **said)
    run_to_the_end(whole)
    lines = (tmp_path / "whole" / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    for cut in range(0, len(lines), 3):
        place = tmp_path / str(cut)
        place.mkdir()
        (place / "ledger.jsonl").write_bytes(b"".join(lines[:cut]) + lines[cut][: len(lines[cut]) // 2])
        search = make(place, **said)
        for run in [run for run in search.history.runs.values() if run.outcome is None]:
            carry_out(search, run.number)
        run_to_the_end(search)
        assert len(cells(search)) == len(set(cells(search)))
        assert len(search.history.configurations) == 4
        assert all(c.end in ("complete", "stopped") for c in search.history.configurations)


def test_a_ledger_of_another_space_is_refused(tmp_path):
    make(tmp_path, samples=3)
    with pytest.raises(JournalError, match="another settings.*start a new study"):
        make(tmp_path, samples=4)
