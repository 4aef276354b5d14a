"""What this machine has to train with."""

from typing import NamedTuple

import psutil


class Machine(NamedTuple):
    """What a training may use."""

    gpus: int
    memory: int
    """Bytes: of the first GPU, without one of the machine."""
    cores: int

    @property
    def kind(self) -> str:
        """What trains, for sentences."""
        return "a GPU" if self.gpus else "a CPU"

    def __str__(self) -> str:
        size = f"{self.memory / 2**30:.0f} GiB"
        return f"a GPU with {size}" if self.gpus else f"no GPU, {self.cores} CPU cores, {size} of memory"


def this_machine() -> Machine:
    """Return what this machine has, as torch sees it."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    memory = torch.cuda.get_device_properties(0).total_memory if gpus else psutil.virtual_memory().total
    return Machine(gpus, memory, psutil.cpu_count() or 1)
