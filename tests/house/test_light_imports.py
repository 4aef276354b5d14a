"""What must start fast imports nothing heavy: checking a configuration, reading records, analysing."""

import subprocess
import sys

import pytest

from tests.house.source import CHECKOUT

HEAVY = ("torch", "nni", "lightning", "segmentation_models_pytorch", "timm", "albumentations")


@pytest.mark.parametrize(
    "name",
    [
        "rarepix.config",
        "rarepix.records",
        "rarepix.trial.lifecycle",
        "rarepix.trial.run",
        "rarepix.trial.plans",
        "analysis",
    ],
)
def test_leaves_heavy_libraries_alone(name, environment):
    code = f"import sys, {name}; print(*[heavy for heavy in {HEAVY} if heavy in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], env=environment, cwd=CHECKOUT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.split()) == (0, []), ended.stderr


def test_the_check_itself_sees_what_is_imported(environment):
    code = "import sys, rarepix.metrics.counts; print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], env=environment, cwd=CHECKOUT, capture_output=True, text=True)
    assert ended.stdout.strip() == "True"
