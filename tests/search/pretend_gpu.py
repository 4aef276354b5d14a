"""Stands for ``pynvml`` in tests: NVIDIA's library on a machine with one idle GPU."""


class NVMLError(Exception):
    """The error of the real library."""


class Numbers:
    """Loads and sizes of the device."""

    gpu = memory = 0
    total = free = 1


def nvmlInit() -> None:
    """Do nothing."""


nvmlShutdown = nvmlInit


def nvmlDeviceGetCount() -> int:
    """Return the number of GPUs."""
    return 1


def nvmlDeviceGetHandleByIndex(index: int) -> int:
    """Return the device."""
    return index


def nvmlDeviceGetUtilizationRates(device: int) -> type[Numbers]:
    """Return how busy the device is."""
    return Numbers


nvmlDeviceGetMemoryInfo = nvmlDeviceGetUtilizationRates


def nvmlDeviceGetComputeRunningProcesses_v3(device: int) -> list:
    """Return who uses the device."""
    return []


nvmlDeviceGetGraphicsRunningProcesses_v3 = nvmlDeviceGetComputeRunningProcesses_v3
