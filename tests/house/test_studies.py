"""The studies that come with rarepix say things that their recipes can be."""

import shlex

import pytest

from rarepix.config import TrialConfig, load_recipe, parse_settings, updated
from rarepix.search.nni.space import corners, read_space
from rarepix.search.nni.study_file import read_study
from rarepix.search.optimizer.settings import read_settings
from rarepix.trial.plans import find_plan
from tests.house.source import CHECKOUT

FILES = [CHECKOUT / "nni_config.yml", *sorted((CHECKOUT / "studies").glob("*.yml"))]
DONORS_OF_THE_VOC_STUDY = {
    "aeroplane": 5, "bicycle": 7, "bird": 4, "bottle": 7, "cat": 4, "chair": 3,
    "diningtable": 2, "pottedplant": 1, "sheep": 1, "sofa": 1, "tvmonitor": 1,
}  # fmt: skip
"""int(100 / images) of each class in fewer than 60 of the publication's 993 images."""


def recipe_of(command: str) -> TrialConfig:
    words = shlex.split(command)
    plan = find_plan(words[words.index("-m") + 1].removeprefix("trials."))
    settings = [words[at + 1] for at, word in enumerate(words) if word == "--set"]
    config = updated(load_recipe(words[words.index("--recipe") + 1], plan.config), parse_settings(settings))
    assert plan.stage_configs(config)
    return config


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_configuration_is_one_of_its_recipe(file):
    study = read_study(file)
    recipe = recipe_of(study.trialCommand)
    if study.searchSpaceFile:
        space = read_space(file.parent / study.searchSpaceFile)
        assert len([updated(recipe, corner) for corner in corners(space)]) > 3
    arguments = read_settings(study.tuner.classArgs) if study.tuner.className else None
    configurations = arguments.configurations or () if arguments else ()
    found = [updated(recipe, configuration) for configuration in configurations]
    assert len({config.model_dump_json() for config in found}) == len(found)
    assert study.searchSpaceFile or found


def test_the_voc_study_has_the_donors_of_the_publication():
    listed = read_settings(read_study(CHECKOUT / "studies" / "voc_imbalance.yml").tuner.classArgs).configurations
    named = [configuration["paste"]["classes"] for configuration in listed if "paste" in configuration]
    assert len(listed) == 10
    assert len(named) == 4
    by_count, worst = ({name: found.count(name) for name in found} for found in named[:2])
    assert by_count == DONORS_OF_THE_VOC_STUDY
    assert sum(by_count.values()) == 36
    assert worst == dict.fromkeys(
        ("chair", "bicycle", "sofa", "pottedplant", "diningtable", "boat", "tvmonitor", "bottle"), 1
    )
