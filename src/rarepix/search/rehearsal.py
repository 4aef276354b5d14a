"""A trial as far as its first step: data read and divided, hardware chosen, network and loss tried on nothing.

What a trial would complain of is found before a study starts. It runs in a process of its own, in the folder that
trials run in: what it imports is heavy, and paths must mean what they mean to a trial. The inventory that it makes is
kept, so the trials do not make it again.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self

from rarepix.config import TrialConfig


class Stage:
    """A process in *folder* in which trials are rehearsed. It imports what they need while other things are checked."""

    def __init__(self, folder: Path) -> None:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen([sys.executable, "-m", __name__], cwd=folder, text=True, **pipes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End the process, whether it has had its turn or not."""
        self.process.kill()
        self.process.communicate()

    def rehearse(self, configs: Iterable[TrialConfig]) -> list[str]:
        """Return what trials with *configs* would complain of, each complaint once. To be called once."""
        said, errors = self.process.communicate(json.dumps([config.model_dump(mode="json") for config in configs]))
        code = self.process.returncode
        if code:
            last = (errors.strip().splitlines() or ["it said nothing"])[-1]
            return [f"a rehearsal of the trials must run through, but it ended with code {code}: {last}"]
        return json.loads(said.splitlines()[-1])


def complaints(configs: Iterable[TrialConfig]) -> Iterator[str]:
    """Yield what goes wrong with *configs* here. What several of them have in common is tried once."""
    tried: set[str] = set()
    told: set[str] = set()
    for config in configs:
        for given, step in _steps(config):
            if str(given) not in tried:
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
    """Yield the steps of a trial before its training, each with the part of the configuration that it depends on."""
    from rarepix import wiring
    from rarepix.engine.precision import choose_hardware

    data = (config.data, config.sampling, config.augment, config.evaluate, config.engine.batch_size, config.seed)
    yield ("hardware", config.engine), lambda: choose_hardware(config.engine)
    yield ("data", *data), lambda: wiring.build_data(config, gpu=False)
    step = (config.model, config.loss, config.augment.crop, config.engine.batch_size, config.data)
    yield ("step", *step), lambda: wiring.try_step(config)


def main() -> None:
    """Rehearse the configurations on standard input and print the complaints, as JSON."""
    import rarepix.wiring  # noqa: F401 (takes seconds, in which the configurations are still being found out)

    configs = [TrialConfig(**tree) for tree in json.load(sys.stdin)]
    print(json.dumps(list(dict.fromkeys(complaints(configs)))))


if __name__ == "__main__":
    main()
