"""A study of which something is killed: it is started, killed, resumed where needed, and audited."""

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from rarepix.search.nni import nnictl, orphans
from rarepix.search.nni.client import Trial
from rarepix.search.studies import study
from rarepix.search.studies.resume import resume
from rarepix.search.studies.study import Study
from rarepix.search.studies.watch import Outcome, watch
from tests.faults.audit import PLANNED, Findings, audit
from tests.search.lab import Lab
from tests.search.ports import free_port

CHECKOUT = Path(__file__).parents[2]
SECONDS = 8.0
"""Duration of an undisturbed study, from its first trial on."""
TIMEOUT = 600.0
"""Seconds within which a watched study must end or break, on a loaded machine, too."""
TUNERS = {
    "Random": {"name": "Random"},  # with a seed it proposes the same again after a resume
    "OptunaAdvisor": {
        "codeDirectory": ".",
        "className": "rarepix.search.advisor.OptunaAdvisor",
        "classArgs": {"sampler": "random", "samples": PLANNED, "seed": 1},
    },
}
Kill = Callable[[str, random.Random], None]


@dataclass(frozen=True)
class Result:
    """What the kills did to a study."""

    kill: str
    moment: float
    """Of the kill: seconds after the start."""
    outcome: Outcome
    reasons: list[str]
    """Why ``watch`` called the study broken, each time; empty if it needed no resume."""
    seconds: float
    """From the start to the end."""
    findings: Findings


def kill_trial(experiment: str, chance: random.Random) -> None:
    """Kill a trial while it trains."""
    _kill([chance.choice(_await(lambda: [trial for trial in _trials(experiment) if _has_begun(trial)]))])


def kill_asking_trial(experiment: str, chance: random.Random) -> None:
    """Kill a trial before it has its parameters."""
    waiting = _await(lambda: [trial for trial in _trials(experiment) if not _has_begun(trial)], every=0.02)
    time.sleep(chance.uniform(0, 0.5))
    _kill(waiting[:1])


def kill_manager(experiment: str, chance: random.Random) -> None:
    """Kill NNI's server."""
    _kill([psutil.Process(nnictl.list_experiments()[experiment].pid)])


def kill_tuner(experiment: str, chance: random.Random) -> None:
    """Kill the tuner's process."""
    _kill([psutil.Process(orphans.tuner(nnictl.list_experiments()[experiment].pid))])


def kill_everything(experiment: str, chance: random.Random) -> None:
    """Kill manager, tuner and trials, as a power cut would; what the trials started lives on."""
    manager = nnictl.list_experiments()[experiment].pid
    tuner = orphans.tuner(manager)
    _kill([psutil.Process(manager), *([psutil.Process(tuner)] if tuner else []), *_trials(experiment)])


KILLS: dict[str, Kill] = {
    "trial": kill_trial,
    "asking trial": kill_asking_trial,
    "manager": kill_manager,
    "tuner": kill_tuner,
    "everything": kill_everything,
}


def run_with_kills(lab: Lab, tuner: str, rounds: Sequence[Sequence[str]], seed: int) -> Result:
    """Run a study, make the kills of each round one after the other, and resume it after a round that broke it.

    The moment of a round comes from *seed*; it lies within the time that the study would take undisturbed.
    """
    chance = random.Random(f"{rounds} {seed}")
    moment = chance.uniform(0.2, SECONDS * 0.8) / len(rounds)
    began = time.monotonic()
    started = study.start(_file(lab, tuner), free_port())
    reasons = []
    with ThreadPoolExecutor(1) as pool:
        for kills in rounds:
            killer = pool.submit(_kill_after, started.id, kills, moment, chance)
            outcome = _watched(started)
            killer.result()
            if outcome.broken:
                reasons.append(outcome.broken)
                started, _ = resume(started.id, free_port())
    if reasons:
        outcome = _watched(started)
    study.stop(started.id)
    kills = ", then ".join(", ".join(kills) for kills in rounds)
    return Result(kills, moment, outcome, reasons, time.monotonic() - began, audit(started, tuner))


def _kill_after(experiment: str, kills: Sequence[str], moment: float, chance: random.Random) -> None:
    time.sleep(moment)
    for kill in kills:
        KILLS[kill](experiment, chance)


def _file(lab: Lab, tuner: str) -> Path:
    options = f"--recipe {lab.folder / 'tiny.yaml'} --results {lab.folder / 'results'}"
    return lab.study(
        trialCommand=f"python -m tests.faults.quick_trial {options}",
        trialCodeDirectory=str(CHECKOUT),
        maxTrialNumber=PLANNED if tuner == "Random" else 3 * PLANNED,
        tuner=TUNERS[tuner],
    )


def _watched(started: Study) -> Outcome:
    deadline = time.monotonic() + TIMEOUT

    def show(trials: Sequence[Trial], wrong: dict[str, str]) -> None:
        states = ", ".join(f"{trial.number} {trial.status}" for trial in trials)
        assert time.monotonic() < deadline, f"study {started.id} neither ended nor broke in {TIMEOUT} s: {states}"

    return watch(started, show, every=0.3)


def _trials(experiment: str) -> list[psutil.Process]:
    """Return the processes of the trials, without their child processes."""
    trials = []
    for process in orphans.processes(experiment):
        try:
            if "tests.faults.quick_trial" in process.cmdline():
                trials.append(process)
        except psutil.Error:
            continue
    return trials


def _has_begun(trial: psutil.Process) -> bool:
    """Whether a trial has started its helper process, and so has its record."""
    try:
        return bool(trial.children())
    except psutil.Error:
        return False


def _await(find: Callable[[], list[psutil.Process]], every: float = 0.1) -> list[psutil.Process]:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        victims = find()
        if victims:
            return victims
        time.sleep(every)
    raise AssertionError("there was nothing to kill")


def _kill(victims: Sequence[psutil.Process]) -> None:
    for victim in victims:
        os.kill(victim.pid, signal.SIGKILL)
