"""No process of a study that has ended is left, here or on its other machines."""

import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rarepix.search.nni import database, nnictl, orphans
from rarepix.search.remote import ssh
from rarepix.settings import ConfigError

SECONDS_TO_END = orphans.SECONDS_TO_CLOSE + 4 * orphans.SECONDS_TO_DIE
"""Which another machine has for it."""


def end_orphans(experiment: nnictl.Experiment) -> list[str]:
    """End what is still running of an experiment whose manager is gone, and return a line about each process.

    A machine that cannot be reached has a line, too; NNI's keepers end themselves and their trials when they have
    lost their manager.

    Raises:
        leftovers.LeftoverError: a process cannot be ended.
    """
    found = orphans.end(experiment.id)
    machines = _machines(experiment)
    if not machines:
        return found
    with ThreadPoolExecutor(len(machines)) as pool:
        return found + [line for lines in pool.map(lambda one: _end_on(one, experiment.id), machines) for line in lines]


def _machines(experiment: nnictl.Experiment) -> tuple[ssh.Machine, ...]:
    try:
        service = database.profile(experiment.folder)["params"]["trainingService"]
        return ssh.machine_list(service.get("machineList"), Path()) if service.get("platform") == "remote" else ()
    except (database.DatabaseError, ConfigError, KeyError, AttributeError):
        return ()  # it never came to run anything, or not in a way of ours


def _end_on(machine: ssh.Machine, experiment: str) -> list[str]:
    """Do there what is done here, by the same source: rarepix may not be installed there, psutil comes with nni."""
    command = f"{shlex.quote(machine.python)} - {shlex.quote(experiment)}"
    try:
        done = ssh.run(machine, command, seconds=SECONDS_TO_END, given=Path(orphans.__file__).read_bytes())
    except ssh.SshError as error:
        return [f"not looked at: {error}"]
    said = done.stdout.decode(errors="replace").splitlines()
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise orphans.OrphanError(f"{machine.name}: what is left of the study must end, but: {last}")
    return [f"{machine.name}: {line}" for line in said]
