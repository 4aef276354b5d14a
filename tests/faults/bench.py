"""A study on the bench of faults: it is started, something of it is killed, it goes on, and everything is counted."""

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
from tests.faults.ledgers import PLANNED, Findings, look
from tests.search.lab import Lab

CHECKOUT = Path(__file__).parents[2]
SECONDS = 8.0
"""What a study takes that nobody disturbs, from its first trial on."""
PATIENCE = 150.0
"""Seconds after which a study that is watched should long have ended or broken."""
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
class Told:
    """What one fault did."""

    kill: str
    moment: float
    """Seconds after the first trial began."""
    outcome: Outcome
    noticed: list[str]
    """Why watch said that the study is broken, each time; nothing: it went on by itself."""
    seconds: float
    """From the start to the last word."""
    findings: Findings


def kill_trial(experiment: str, chance: random.Random) -> None:
    """Kill one trial that trains."""
    _kill([chance.choice(_await(lambda: [one for one in _trials(experiment) if _has_begun(one)]))])


def kill_asking_trial(experiment: str, chance: random.Random) -> None:
    """Kill a trial that has not got its parameters yet."""
    fresh = _await(lambda: [one for one in _trials(experiment) if not _has_begun(one)], every=0.02)
    time.sleep(chance.uniform(0, 0.5))
    _kill(fresh[:1])


def kill_manager(experiment: str, chance: random.Random) -> None:
    """Kill NNI's server."""
    _kill([psutil.Process(nnictl.list_experiments()[experiment].pid)])


def kill_dispatcher(experiment: str, chance: random.Random) -> None:
    """Kill the process of the tuner."""
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
    "dispatcher": kill_dispatcher,
    "everything": kill_everything,
}


def endure(lab: Lab, tuner: str, rounds: Sequence[Sequence[str]], seed: int, port: Callable[[], int]) -> Told:
    """Run a study, do the kills of each round to it one after the other, and after each round go on with it if need be.

    The moments, between the first trial's begin and the time when the study would be done, come from *seed*.
    """
    chance = random.Random(f"{rounds} {seed}")
    moment = chance.uniform(0.2, SECONDS * 0.8) / len(rounds)
    began = time.monotonic()
    started = study.start(_file(lab, tuner), port())
    noticed = []
    with ThreadPoolExecutor(1) as pool:
        for kills in rounds:
            killer = pool.submit(_strike, started.id, kills, moment, chance)
            outcome = _followed(started)
            killer.result()
            if outcome.broken:
                noticed.append(outcome.broken)
                started, _ = resume(started.id, port())
    if noticed:
        outcome = _followed(started)
    study.stop(started.id)
    kills = ", then ".join(", ".join(kills) for kills in rounds)
    return Told(kills, moment, outcome, noticed, time.monotonic() - began, look(started, tuner))


def _strike(experiment: str, kills: Sequence[str], moment: float, chance: random.Random) -> None:
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


def _followed(started: Study) -> Outcome:
    ends = time.monotonic() + PATIENCE

    def show(trials: Sequence[Trial], wrong: dict[str, str]) -> None:
        states = ", ".join(f"{trial.number} {trial.status}" for trial in trials)
        assert time.monotonic() < ends, f"study {started.id} neither ended nor broke in {PATIENCE} s: {states}"

    return watch(started, show, every=0.3)


def _trials(experiment: str) -> list[psutil.Process]:
    """Return the processes of trials themselves, without what they have started."""
    found = []
    for process in orphans.processes(experiment):
        try:
            if "tests.faults.quick_trial" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def _has_begun(trial: psutil.Process) -> bool:
    """Whether a trial has its helper, so its record, too."""
    try:
        return bool(trial.children())
    except psutil.Error:
        return False


def _await(look_for: Callable[[], list[psutil.Process]], every: float = 0.1) -> list[psutil.Process]:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        found = look_for()
        if found:
            return found
        time.sleep(every)
    raise AssertionError("there was nothing to kill")


def _kill(victims: Sequence[psutil.Process]) -> None:
    for victim in victims:
        os.kill(victim.pid, signal.SIGKILL)
