"""What to compute on, and with how many bits."""

from typing import NamedTuple

import torch

from rarepix.engine.settings import EngineConfig


class Hardware(NamedTuple):
    """The device of a trial."""

    accelerator: str
    """Lightning's name: gpu or cpu."""
    precision: str
    """Lightning's name: bf16-mixed or 32-true."""
    name: str
    """For people."""


def choose_hardware(config: EngineConfig) -> Hardware:
    """Return what ``engine.device`` and ``engine.precision`` stand for on this machine.

    Raises:
        RuntimeError: a GPU is demanded and there is none, or bf16 where the hardware has none.
    """
    there = torch.cuda.is_available()
    if config.device == "gpu" and not there:
        raise RuntimeError(
            "engine.device=gpu needs a GPU that torch can use, but there is none: "
            "use engine.device=auto (or cpu), or check the driver with nvidia-smi"
        )
    gpu = there and config.device != "cpu"
    has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False) if gpu else _cpu_has_bf16()
    if config.precision == "bf16" and not has_bf16:
        raise RuntimeError("engine.precision=bf16 needs hardware with bfloat16, but this has none: use auto or fp32")
    bf16 = has_bf16 if config.precision == "auto" else config.precision == "bf16"
    name = torch.cuda.get_device_name() if gpu else f"CPU, {torch.get_num_threads()} threads"
    return Hardware("gpu" if gpu else "cpu", "bf16-mixed" if bf16 else "32-true", name)


def _cpu_has_bf16() -> bool:
    return torch.backends.mkldnn.is_available() and torch.cpu._is_avx512_bf16_supported()
