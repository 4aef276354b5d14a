"""A trial as far as its first step: data read and divided, hardware chosen, network and loss tried on nothing.

What a trial would complain of is found before a study starts. It runs in processes of its own, in the folder that
trials run in: what it imports is heavy, and paths must mean what they mean to a trial. The inventory that it makes is
kept, so the trials do not make it again.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Self

from rarepix.config import TrialConfig

PARTS = {"data": "albumentations", "network": "segmentation_models_pytorch"}
"""Part of a rehearsal → the heaviest library that it needs."""


class DryRun:
    """A process for each part, in *folder*; they import what trials need while other things are still checked."""

    def __init__(self, folder: Path) -> None:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        command = [sys.executable, "-m", __name__]
        self.processes = [subprocess.Popen([*command, part], cwd=folder, text=True, **pipes) for part in PARTS]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End the processes, whether they have had their turn or not."""
        for process in self.processes:
            process.kill()
            process.communicate()

    def rehearse(self, configs: Iterable[TrialConfig]) -> list[str]:
        """Return what trials with *configs* would complain of, each complaint once. To be called once."""
        asked = json.dumps([config.model_dump(mode="json") for config in configs])
        with ThreadPoolExecutor(len(self.processes)) as pool:
            heard = list(pool.map(lambda process: _heard(process, asked), self.processes))
        return list(dict.fromkeys(line for lines in heard for line in lines))


def dry_run_problems(configs: Iterable[TrialConfig], parts: Iterable[str] = tuple(PARTS)) -> Iterator[str]:
    """Yield what goes wrong with these *parts* of *configs* here. What several have in common is tried once."""
    tried: set[str] = set()
    told: set[str] = set()
    for config in configs:
        for given, step in _steps(config):
            if given[0] in parts and str(given) not in tried:
                tried.add(str(given))
                for line in _complaint(step):
                    if line not in told:
                        told.add(line)
                        yield line


def _complaint(step: Callable[[], object]) -> list[str]:
    try:
        step()
    except (ValueError, OSError, RuntimeError) as error:
        return str(error).splitlines()
    return []


def _steps(config: TrialConfig) -> Iterator[tuple[tuple, Callable[[], object]]]:
    """Yield the steps of a trial before its training, each with its part and what of the configuration it hangs on."""
    from rarepix import wiring
    from rarepix.engine.precision import choose_hardware

    yield ("network", config.engine), lambda: choose_hardware(config.engine)
    shown = (config.sampling, config.crop, config.paste, config.augment)
    data = (config.data, *shown, config.evaluate, config.engine.batch_size, config.seed)
    yield ("data", *data), lambda: wiring.build_data(config, gpu=False)
    step = (config.model, config.loss, config.crop.size, config.engine.batch_size, config.data)
    yield ("network", *step), lambda: wiring.try_step(config)


def _heard(process: subprocess.Popen, asked: str) -> list[str]:
    said, errors = process.communicate(asked)
    if process.returncode:
        last = (errors.strip().splitlines() or ["it said nothing"])[-1]
        return [f"a rehearsal of the trials must run through, but it ended with code {process.returncode}: {last}"]
    return json.loads(said.splitlines()[-1])


def main() -> None:
    """Rehearse a part of the configurations on standard input and print the complaints, as JSON."""
    part = sys.argv[1]
    import_module("rarepix.wiring")
    import_module(PARTS[part])
    configs = [TrialConfig(**tree) for tree in json.load(sys.stdin)]
    print(json.dumps(list(dry_run_problems(configs, [part]))))


if __name__ == "__main__":
    main()
