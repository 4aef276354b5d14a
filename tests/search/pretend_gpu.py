"""NVIDIA's library as NNI sees it on a machine with one idle GPU; in tests it lies on the path as ``pynvml``."""


class NVMLError(Exception):
    """What the real one raises."""


class Numbers:
    """Loads and sizes."""

    gpu = memory = 0
    total = free = 1


def nvmlInit() -> None:
    """Begin."""


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
