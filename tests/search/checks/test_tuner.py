"""What is wrong with the advisor's settings is reported before a study starts."""

import json
import re
from pathlib import Path

import pytest

from rarepix.config import load_recipe, updated
from rarepix.search.checks.preflight import enqueued_points
from rarepix.search.checks.tuner import ADVISOR, advisor_problems
from rarepix.search.nni.study_file import Algorithm, StudyFile
from tests.search.lab import STUDY

SPACE = STUDY["searchSpace"]


def study(assessor: dict | None = None, space: dict = SPACE, limit: int = 100, **class_args) -> StudyFile:
    tuner = {"className": ADVISOR, "codeDirectory": ".", "classArgs": class_args}
    return StudyFile(**STUDY | {"tuner": tuner, "assessor": assessor, "searchSpace": space, "maxTrialNumber": limit})


def problems(recipe: str = "demo", settings: dict | None = None, **how) -> list[str]:
    checked = study(**how)
    config = updated(load_recipe(recipe), settings or {})
    return advisor_problems(checked, checked.searchSpace, config, Path(), epochs=config.engine.epochs)


@pytest.mark.parametrize(
    "class_args",
    [
        {},
        {"sampler": "gp", "pruner": "hyperband", "samples": 20},
        {
            "sampler": "tpe",
            "sampler_args": {"n_startup_trials": 5},
            "pruner": "asha",
            "pruner_args": {"min_resource": 2},
        },
        {"blocks": {"seeds": [0, 1], "folds": [0, 1]}, "race": {"at_least": 3}, "samples": 25},
        {"blocks": {"seeds": [0, 1], "folds": [0, 1], "at_most": 4}, "samples": 25},
        {"configurations": [{}, {"optim.lr": 0.1}], "space": {}},
        {"objectives": ["miou", "seconds"], "constraints": {"frequent_iou": 0.3}},
        {"constraints": {"seconds": 600}},
        {"enqueue": [{"optim.lr": 0.01}]},
    ],
)
def test_valid_settings_are_accepted(class_args):
    assert problems(**class_args) == []


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"sampler": "tep"}, "classArgs: sampler: Input should be 'tpe'"),
        ({"smapler": "tpe"}, "did you mean 'sampler'"),
        ({"known": [{"optim.lr": 0.01}]}, "unknown key 'known': it is called 'enqueue' now"),
        ({"earlier": {"study": "a"}}, "unknown key 'earlier': it is called 'warm_start' now"),
        ({"silence": "60s"}, "unknown key 'silence': it is called 'heartbeat_timeout' now"),
        ({"sampler_args": {"n_startup": 5}}, "unknown n_startup: valid: .*n_startup_trials"),
        ({"pruner_args": {"min_resource": 0}, "pruner": "asha"}, "pruner_args of asha must fit"),
        ({"optimize_mode": "minimize"}, "optimize_mode"),
        ({"configurations": []}, "at least one configuration"),
        ({"configurations": [{"optim.lr": 0.1}] * 2}, "number 1 .* comes to the same as number 0"),
        ({"configurations": [{"optim.rl": 0.1}]}, "did you mean 'optim.lr'"),
        ({"configurations": [{"seed": 1}]}, "must not fix seed"),
        ({"configurations": [{}], "sampler": "tpe"}, "either listed or sampled"),
        ({"enqueue": [{"data.fold": 1}]}, "must not fix data.fold"),
        ({"enqueue": [{"optim.lr": -1}]}, "optim.lr"),
        ({"warm_start": {"study": "nowhere"}}, "folder of a study with records"),
        ({"blocks": {"folds": [0, 7]}}, "data.fold must be below data.folds"),
        ({"blocks": {"seeds": [1, 1]}}, "list of different numbers"),
        ({"blocks": {"seeds": [0, 1], "folds": [0, 1], "at_most": 3}}, "no fewer than the 4 planned blocks, but got 3"),
        ({"blocks": {"at_most": 0}}, "blocks.at_most"),
        ({"race": {}}, "race needs more blocks than at_least=2, but there are 1"),
        ({"race": {}, "pruner": "wilcoxon", "blocks": {"seeds": [0, 1, 2]}}, "use one of them"),
        ({"pruner": "wilcoxon"}, "needs at least three"),
        ({"objectives": ["rare_iuo"]}, "scores that a trial reports .* but got rare_iuo"),
        ({"objectives": ["seconds"]}, "more is better"),
        ({"objectives": ["miou", "seconds"], "pruner": "asha"}, "pruners and races look at one objective"),
        ({"objectives": ["miou", "seconds"], "sampler": "cmaes"}, "need one of the samplers"),
        ({"constraints": {"frequent_iou": 0.5}, "sampler": "random"}, "need a sampler that uses them"),
        ({"sampler": "cmaes"}, "at least two numeric keys .* optim.lr"),
        ({"samples": 30, "blocks": {"seeds": [0, 1, 2, 3]}}, "30 configurations × 4 blocks = 120 .* but is 100"),
        ({"heartbeat_timeout": "soon"}, "duration"),
        ({"heartbeat_timeout": "60s"}, "heartbeat_timeout must be shorter than maxTrialDuration"),
        ({"configurations": [{}, {"optim.lr": 0.005}]}, "comes to the same as number 0"),  # the recipe's own value
        ({"configurations": [{}], "constraints": {"miou": 0.5}}, "leave constraints out"),
        ({"objectives": ["mean_false_alarm_rate"]}, "more is better, but got mean_false_alarm_rate"),
        ({"objectives": ["mean_dice"]}, "objective, miou, .* but got mean_dice: name them in evaluate.scores"),
        ({"grid_points": 3}, "leave them out"),
        ({"sampler": "grid", "sampler_args": {"seed": 1}}, "leave samples and sampler_args out"),
        ({"confirms": "a"}, "must list its configurations"),
        ({"enqueue": [{"optim.lrr": 0.01}]}, "must be a key of the search space"),
        ({"enqueue": [{"optim.lr": 0.5}]}, "optim.lr lies between"),
        ({"enqueue": [{"optim.lr": 0.01}, {"optim.lr": 0.02}], "samples": 2}, "room for the 3 configurations"),
        ({"sampler_args": {"n_startup_trials": "ten"}}, "must work with .*'ten'"),
        ({"sampler_args": {"gamma": 3}}, "must work with .*gamma"),
        ({"pruner": "hyperband", "pruner_args": {"min_resource": "x"}}, "must"),
        ({"assessor": {"name": "Medianstop"}}, "leave assessor out"),
    ],
)
def test_invalid_settings_are_refused_in_one_line(how, message):
    lines = problems(**how)
    assert len(lines) == 1, lines
    assert re.search(message, lines[0])


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ("iou/unicorn", r"must name a class of the data \(ground, block, .* but got iou/unicorn"),
        ("dice/ground", "iou/<class>.* but got dice/ground: name them in evaluate.scores"),
    ],
)
def test_a_score_must_fit_the_classes_of_the_data(tiny_voc, score, message):
    lines = problems(settings={"data.root": str(tiny_voc)}, constraints={score: 0.5})
    assert len(lines) == 1, lines
    assert re.search(message, lines[0])
    assert problems(settings={"data.root": str(tiny_voc)}, constraints={"iou/ground": 0.5}) == []


def test_a_score_of_rare_classes_needs_some(damaged_voc):
    settings = {"data.root": str(damaged_voc)}
    assert problems(settings=settings, constraints={"rare_iou": 0.5}) == []
    description = json.loads((damaged_voc / "dataset.json").read_text()) | {"rare_classes": []}
    (damaged_voc / "dataset.json").write_text(json.dumps(description))
    (line,) = problems(settings=settings, constraints={"rare_iou": 0.5})
    assert "rare_iou needs rare classes, but neither evaluate.rare nor the data name any" in line


def test_every_renamed_key_and_every_other_problem_is_reported():
    lines = problems(known=[], silence="60s", sampler="tep")
    assert [line.partition(": ")[2].split(":")[0] for line in lines] == [
        "unknown key 'known'",
        "unknown key 'silence'",
        "sampler",
    ]


def test_an_enqueued_configuration_is_completed():
    """With the values of the recipe, and inside a choice with the defaults of that choice."""
    points = enqueued_points(study(enqueue=[{"loss": {"_name": "focal"}}]), SPACE, load_recipe("demo"), Path())
    assert {"optim.lr": 0.005, "loss": {"_name": "focal", "gamma": 2.0}} in points


def test_a_grid_must_fit():
    space = {"optim.lr": {"_type": "choice", "_value": [0.1, 0.01, 0.001]}}
    assert problems(space=space, sampler="grid", limit=4) == []  # three, and the default, which is none of them
    assert "4 configurations × 1 blocks" in problems(space=space, sampler="grid", limit=3)[0]


def test_a_dry_run_tries_listed_configurations_and_every_block():
    config = load_recipe("demo")
    listed = study(configurations=[{"optim.lr": 0.1}], blocks={"folds": [0, 2]}, space={})
    assert enqueued_points(listed, {}, config, Path()) == [
        {"optim.lr": 0.1},
        {"seed": 0, "data.fold": 0},
        {"seed": 0, "data.fold": 2},
    ]


def test_a_class_needs_its_code_directory():
    with pytest.raises(ValueError, match="write codeDirectory: ."):
        Algorithm(className=ADVISOR)
