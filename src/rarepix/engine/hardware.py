"""The device, the precision and the threads of a trial."""

from typing import NamedTuple

import psutil
import torch

from rarepix.engine.settings import EngineConfig


class HardwareError(RuntimeError):
    """The configuration asks for hardware that this machine does not have."""


class Hardware(NamedTuple):
    """The device of a trial."""

    accelerator: str
    """Lightning's name: gpu or cpu."""
    precision: str
    """Lightning's name: bf16-mixed or 32-true."""
    name: str
    """For people, as in records."""

    @property
    def is_gpu(self) -> bool:
        """Whether the trial computes on a GPU."""
        return self.accelerator == "gpu"


def choose_hardware(config: EngineConfig) -> Hardware:
    """Return what ``engine.device`` and ``engine.precision`` mean on this machine.

    Raises:
        HardwareError: more devices are asked for than there are, a GPU where there is none, or bf16 on hardware
            without it.
    """
    has_gpu = torch.cuda.is_available()
    if config.device == "gpu" and not has_gpu:
        raise HardwareError(
            "engine.device=gpu needs a GPU that torch can use, but there is none: "
            "use engine.device=auto (or cpu), or check the driver with nvidia-smi"
        )
    gpu = has_gpu and config.device != "cpu"
    available = torch.cuda.device_count() if gpu else psutil.cpu_count()
    if config.devices > available:
        what = "GPUs that torch can use" if gpu else "CPU cores (there is no GPU to be used)"
        raise HardwareError(
            f"engine.devices={config.devices} needs as many devices, but there are {available} {what}: use fewer"
        )
    if gpu:
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bf16 = torch.backends.mkldnn.is_available() and torch.cpu._is_avx512_bf16_supported()
    if config.precision == "bf16" and not has_bf16:
        raise HardwareError("engine.precision=bf16 needs hardware with bfloat16, but this has none: use auto or fp32")
    bf16 = has_bf16 if config.precision == "auto" else config.precision == "bf16"
    name = torch.cuda.get_device_name() if gpu else f"CPU, {torch.get_num_threads()} threads"
    several = f"{config.devices} × " if config.devices > 1 else ""
    return Hardware("gpu" if gpu else "cpu", "bf16-mixed" if bf16 else "32-true", several + name)


def set_threads(config: EngineConfig) -> None:
    """Give this process its share of the trial's CPU threads; alone and without ``engine.threads`` it keeps torch's."""
    if config.threads or config.devices > 1:
        torch.set_num_threads(max(1, (config.threads or psutil.cpu_count() or 1) // config.devices))
