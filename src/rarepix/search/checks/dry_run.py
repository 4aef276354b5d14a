"""A dry run of a trial: everything before its first training step, so that its errors are found before a study starts.

For each of its trainings the data are read and split, the hardware is chosen, and network and loss take one step on
empty images. It runs in processes of its own, since its imports are heavy, and in the folder that trials run in, so
that relative paths mean the same as in a trial. The inventory that it makes is cached: trials do not make it again.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Self

from rarepix.config import TrialConfig
from rarepix.losses.libraries import is_library
from rarepix.records import DEFAULT_PLAN
from rarepix.search.nni.nnictl import last_line
from rarepix.settings import ConfigError
from rarepix.trial.plan import Plan
from rarepix.trial.plans import PLANS, find_plan

INVENTORY = "inventory"
"""Given instead of a part: take the inventory of the data and print its hash."""
PARTS = {"data": "albumentations", "network": "segmentation_models_pytorch"}
"""Part of a dry run → the heaviest library that it needs."""


class DryRun:
    """A process for each part, started in *folder*; they import their libraries while other checks still run."""

    def __init__(self, folder: Path) -> None:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        command = [sys.executable, "-m", __name__]
        self.processes = [subprocess.Popen([*command, part], cwd=folder, text=True, **pipes) for part in PARTS]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    def problems(self, configs: Iterable[TrialConfig], plan: str = DEFAULT_PLAN) -> list[str]:
        """Return the errors that trials of *plan* with *configs* would end with, each once. To be called once."""
        question = json.dumps({"plan": plan, "configs": [config.model_dump(mode="json") for config in configs]})
        with ThreadPoolExecutor(len(self.processes)) as pool:
            of_parts = list(pool.map(lambda process: _answer(process, question), self.processes))
        return list(dict.fromkeys(line for lines in of_parts for line in lines))


def dry_run_problems(
    configs: Iterable[TrialConfig], parts: Iterable[str] = tuple(PARTS), plan: Plan = PLANS[DEFAULT_PLAN]
) -> list[str]:
    """Return the errors of these *parts* of trials of *plan*, each once. A step that several trials share is run once.

    A trial takes the steps of each of its trainings, and then its plan's own check.
    """
    steps: dict[str, Callable[[], object]] = {}
    lines: dict[str, None] = {}
    for config in configs:
        try:
            trainings = plan.stage_configs(config).values()
        except ConfigError as error:
            lines |= dict.fromkeys(str(error).splitlines())
            continue
        of_trainings = [step for training in trainings for step in _steps(training)]
        for key, step in (*of_trainings, (("data", "plan", config), partial(plan.check, config))):
            if key[0] in parts:
                steps.setdefault(str(key), step)
    for step in steps.values():
        try:
            step()
        except (ValueError, OSError, RuntimeError) as error:
            lines |= dict.fromkeys(str(error).splitlines())
    return list(lines)


def inventory_hashes(config: TrialConfig, folder: Path, plan: str = DEFAULT_PLAN) -> list[str]:
    """Return the hash of the inventory of each training's data, as a trial of *plan* in *folder* would record it.

    Raises ``ConfigError`` if the data cannot be used.
    """
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen([sys.executable, "-m", __name__, INVENTORY], cwd=folder, text=True, **pipes)
    question = json.dumps({"plan": plan, "configs": [config.model_dump(mode="json")]})
    stdout, stderr = process.communicate(question)
    if process.returncode:
        raise ConfigError(f"the inventory of the data must be taken again, but: {last_line(stderr)}")
    return json.loads(stdout.splitlines()[-1])


def _hashes_now(config: TrialConfig, plan: Plan) -> list[str]:
    from rarepix import wiring
    from rarepix.data.inventory import inventory_hash

    trainings = [*plan.stage_configs(config).values()] or [config]  # a plan may take all of its stages
    data = [wiring.build_data(training, gpu=False) for training in trainings]
    return [inventory_hash(of_training.splits.inventory) for of_training in data]


def _steps(config: TrialConfig) -> Iterator[tuple[tuple, Callable[[], object]]]:
    """Yield the steps before a training, each with its key: its part, and the settings it depends on."""
    from rarepix import wiring
    from rarepix.engine.hardware import choose_hardware

    yield ("network", config.engine), lambda: choose_hardware(config.engine)
    training_data = (config.sampling, config.crop, config.paste, config.augment)
    library_loss = config.loss if is_library(config.loss.name) else None  # some cannot ignore pixels of the data
    # whether the network gives the scores that are evaluated, and the validation part can tune the gate
    checked = (config.model.network, config.evaluate, config.gate)
    data = (config.data, *training_data, *checked, config.engine.batch_size, config.seed, library_loss)
    yield ("data", *data), lambda: wiring.build_data(config, gpu=False)
    batch = (config.engine.batch_size, config.engine.devices, config.engine.device)
    step = (config.model, config.loss, config.crop.size, *batch, config.data)
    yield ("network", *step), lambda: wiring.try_step(config)


def _answer(process: subprocess.Popen, question: str) -> list[str]:
    stdout, stderr = process.communicate(question)
    if process.returncode:
        why = f"ended with exit code {process.returncode}: {last_line(stderr)}"
        return [f"a dry run of the trials must run to its end, but {why}"]
    return json.loads(stdout.splitlines()[-1])


def main() -> None:
    """Run one part with the configurations on standard input and print its errors, as JSON."""
    part = sys.argv[1]
    import_module("rarepix.wiring")
    if part in PARTS:
        import_module(PARTS[part])
    question = json.load(sys.stdin)
    plan = find_plan(question["plan"])
    configs = [plan.config(**tree) for tree in question["configs"]]
    answer = _hashes_now(configs[0], plan) if part == INVENTORY else dry_run_problems(configs, [part], plan)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
