"""The worked examples of CONTRIBUTING.md: each diff is applied to a copy of the checkout, and what it adds is run."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml
from PIL import Image

from rarepix import records
from tests.house.source import CHECKOUT

SIDE, IMAGES = 64, 10
CONTRACTS = {
    "tests/contracts/test_losses.py": "generalised_ce",
    "tests/contracts/test_models.py": "linear_decoder",
    "tests/contracts/test_metrics.py": "f2",
    "tests/house/test_light_imports.py": "rarepix.config",
    "tests/house/test_rooms.py": "arrows",
}
"""Tests that run over every member of a table → what selects the new one in them."""
ADDED_FILES = {"loss": 1, "architecture": 1, "source": 1, "score": 0, "plan": 2}
"""What is added → new files (a plan has its script, too)."""


class Copy(NamedTuple):
    """A copy of the checkout with all examples in it, and a dataset of the new source."""

    root: Path
    data: Path

    def run(self, *arguments: str) -> str:
        """Run a module of the copy and return what it prints."""
        paths = os.pathsep.join(map(str, (self.root / "src", self.root)))
        command = [sys.executable, "-m", *arguments]
        environment = os.environ | {"PYTHONPATH": paths}
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def train(self, plan: str, *settings: str) -> records.TrialRecord:
        """Run a trial of *plan* on the polygons and return its record."""
        options = [option for setting in settings for option in ("--set", setting)]
        self.run(f"trials.{plan}", "--recipe", "recipe.yaml", "--results", "results", "--trial", plan, *options)
        return records.read(self.root / "results" / "recipe" / "trials" / plan / "record.json")


def diffs() -> list[str]:
    """Return the diffs in CONTRIBUTING.md."""
    return re.findall(r"```diff\n(.*?)```", (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    root = tmp_path_factory.mktemp("checkout")
    for name in ("src", "trials", "tests", "pyproject.toml"):
        from_, to = CHECKOUT / name, root / name
        if from_.is_dir():
            shutil.copytree(from_, to, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(from_, to)
    for diff in diffs():
        subprocess.run(["git", "apply", "-"], cwd=root, input=diff, text=True, check=True)
    data = write_polygons(root / "polygons")
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe(data)))
    return Copy(root, data)


def recipe(data: Path) -> dict:
    return {
        "data": {"source": "polygons", "root": str(data), "classes": ["square", "bar"], "train_list": "all",
                 "test_list": None, "split": "random", "folds": 2, "workers": 0},
        "model": {"architecture": "linear_decoder", "encoder": "tu-lcnet_035", "hidden": 8},
        "loss": {"name": "generalised_ce+presence_bce", "q": 0.5, "alpha": 0.1},
        "engine": {"epochs": 1, "batch_size": 4, "device": "cpu", "threads": 1, "tensorboard": False},
        "evaluate": {"objective": "mean_f2", "scores": ["f2/bar"]},
    }  # fmt: skip


def write_polygons(root: Path) -> Path:
    """Draw images with a square and, in every other one, a bar; return their folder."""
    (root / "images").mkdir(parents=True)
    random, polygons = np.random.default_rng(0), {}
    for number in range(IMAGES):
        left, top = random.integers(4, 30, 2).tolist()
        square = [[left, top], [left + 20, top], [left + 20, top + 20], [left, top + 20]]
        bars = [[[2, 58], [60, 58], [60, 62], [2, 62]]] if number % 2 else []
        polygons[f"{number}.png"] = {"square": [square], "bar": bars}
        pixels = random.integers(0, 80, (SIDE, SIDE, 3)).astype(np.uint8)
        pixels[top : top + 21, left : left + 21, 0] = 220
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
    (root / "polygons.json").write_text(json.dumps(polygons))
    return root


def test_every_example_is_a_row_and_at_most_one_file_beside_it():
    added = [len(re.findall(r"^--- /dev/null$", diff, re.MULTILINE)) for diff in diffs()]
    changed = [len(re.findall(r"^--- a/", diff, re.MULTILINE)) for diff in diffs()]
    assert added == list(ADDED_FILES.values())
    assert changed == [1, 1, 1, 2, 1]  # a score: its function and its row


def test_the_contracts_hold_for_what_is_added(copied):
    selected = " or ".join(CONTRACTS.values())
    out = copied.run("pytest", "-p", "no:cacheprovider", "-rA", *CONTRACTS, "-k", selected)
    for file, selects in CONTRACTS.items():
        assert re.search(rf"^PASSED {file}::.*{selects}", out, re.MULTILINE), file


def test_what_is_added_trains_together(copied):
    """One trial of the new plan, with the new source, architecture with presence head, loss, and score as objective."""
    record = copied.train("small_first", "small.longest_side=32")
    assert (record.plan, [stage.name for stage in record.stages]) == ("small_first", ["small", "full"])
    assert record.dataset.classes == ("background", "square", "bar")
    assert record.dataset.contents["train"]["square"].pixels == 441 * record.dataset.images["train"]  # 21 × 21 each
    counts = {name: record.counts["val"][name] for name in record.dataset.classes}
    f2 = [5 * each.tp / (5 * each.tp + 4 * each.fn + each.fp) for each in counts.values()]
    assert record.objective.name == "mean_f2"
    assert record.objective.value == pytest.approx(sum(f2) / 3)
    history = (copied.root / "results/recipe/trials/small_first/history.csv").read_text().splitlines()[0].split(",")
    assert {"train_generalised_ce", "train_presence_bce", "f2/bar"} <= set(history)


def test_a_command_finds_the_added_source(copied):
    out = copied.run("rarepix", "inventory", str(copied.data), "--source", "polygons", "--set", "classes=[square, bar]",
                     "--out", "inventory")  # fmt: skip
    assert "square" in out
