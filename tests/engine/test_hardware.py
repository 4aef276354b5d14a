"""The hardware of a trial: as asked for, or an error with a way out."""

from pathlib import Path

import psutil
import pytest
import torch

from rarepix.engine.hardware import choose_hardware, set_threads
from rarepix.engine.settings import EngineConfig

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def cpu_has_bf16() -> bool:
    """Return whether the kernel names bfloat16 among this processor's features."""
    file = Path("/proc/cpuinfo")
    return file.is_file() and "avx512_bf16" in file.read_text()


@no_gpu
def test_a_gpu_that_is_not_there():
    message = r"engine.device=gpu needs a GPU that torch can use, but there is none: use engine.device=auto \(or cpu\)"
    with pytest.raises(RuntimeError, match=message):
        choose_hardware(EngineConfig(device="gpu"))


def test_fp32_on_a_cpu():
    hardware = choose_hardware(EngineConfig(device="cpu", precision="fp32"))
    assert (hardware.accelerator, hardware.precision) == ("cpu", "32-true")
    assert hardware.name == f"CPU, {torch.get_num_threads()} threads"


@no_gpu
def test_auto_takes_what_there_is():
    assert choose_hardware(EngineConfig(device="auto", precision="fp32")).accelerator == "cpu"


def test_auto_precision_is_bf16_where_the_processor_has_it():
    expected = "bf16-mixed" if cpu_has_bf16() else "32-true"
    assert choose_hardware(EngineConfig(device="cpu", precision="auto")).precision == expected


def test_bf16_is_refused_where_the_processor_lacks_it():
    config = EngineConfig(device="cpu", precision="bf16")
    if cpu_has_bf16():
        assert choose_hardware(config).precision == "bf16-mixed"
    else:
        with pytest.raises(RuntimeError, match="needs hardware with bfloat16, but this has none: use auto or fp32"):
            choose_hardware(config)


def test_several_processes_on_a_cpu():
    config = EngineConfig(device="cpu", precision="fp32", devices=2, batch_size=4)
    assert choose_hardware(config).name == f"2 × CPU, {torch.get_num_threads()} threads"


def test_more_devices_than_there_are():
    message = r"engine.devices=4096 needs as many devices, but there are \d+ CPU cores .*: use fewer"
    with pytest.raises(RuntimeError, match=message):
        choose_hardware(EngineConfig(device="cpu", devices=4096, batch_size=4096))


@pytest.mark.parametrize(
    ("threads", "devices", "each"), [(3, 1, 3), (4, 2, 2), (1, 2, 1), (0, 2, max(1, psutil.cpu_count() // 2))]
)
def test_threads_of_a_trial_are_shared_out(threads, devices, each):
    before = torch.get_num_threads()
    try:
        set_threads(EngineConfig(threads=threads, devices=devices))
        assert torch.get_num_threads() == each
    finally:
        torch.set_num_threads(before)
