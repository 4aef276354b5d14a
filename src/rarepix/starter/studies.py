"""The files of a search space and of two studies: one that compares a few configurations, one that searches."""

import shlex
from collections.abc import Iterable
from typing import NamedTuple

from rarepix.starter.commented import Line, commented, flow
from rarepix.starter.machine import Machine
from rarepix.starter.rarity import SEEDS
from rarepix.starter.remedies import (
    Choices,
    crop_choices,
    has_scarce_images,
    loss_choices,
    remedies,
    sampling_choices,
)
from rarepix.starter.survey import Survey
from rarepix.starter.training import Training

SAMPLES = 20
SPARE = 6
"""Trials beyond those that are planned, for what fails and is run again."""
ADVISOR = "rarepix.search.advisor.OptunaAdvisor"


class Command(NamedTuple):
    """How files are called in studies."""

    recipe: str
    """Where trials run."""
    study: str
    """Where commands are typed."""
    code: str
    """The checkout, as seen from the study's folder."""


def space_text(seen: Survey, training: Training) -> str:
    """Return the file of the search space."""
    lines = [
        "# Which loss, learning rate, sampling and crops suit these images? Written by `rarepix init`.",
        "optim.lr:  # of decoder and head, on a logarithmic scale",
        "  _type: loguniform",
        "  _value: [0.0005, 0.02]",
        *_choice("loss", loss_choices(), "Dice and its relatives count classes, cross-entropy and focal count pixels"),
    ]
    if has_scarce_images(seen):
        why = "some classes are in few images: how often these are shown"
        lines += _choice("sampling", sampling_choices(), why)
    if not training.covers:
        lines += _choice("crop", crop_choices(seen), "a crop is a part of the image: where it lies")
    return "\n".join(lines) + "\n"


def comparison_text(seen: Survey, training: Training, machine: Machine, command: Command) -> str:
    """Return the file of the study that compares the recipe with a few remedies."""
    compared = remedies(seen, training)
    configurations, seeds = 1 + len(compared), len(SEEDS)
    size = f"{configurations * seeds} trials ({configurations} configurations × {seeds} seeds)"
    header = [
        f"# Question   {' '.join(_sentence(remedy.asks) for remedy in compared)}",
        *_header(command, machine, f"{size}, {training.concurrency} at a time"),
        "# Expect     a report that says which differences are more than chance. Of six pairs the smallest exact p is",
        "#            0.03: with fewer seeds nothing could be decided, with more a smaller difference",
    ]
    arguments = [
        "  classArgs:",
        "    # every configuration runs on each of these, so that they are compared in pairs",
        f"    blocks: {{seeds: {list(SEEDS)}, folds: [0]}}",
        "    configurations:",
        "      - {}  # the recipe as it is",
        *(f"      - {flow(remedy.configuration)}  # {remedy.asks}" for remedy in compared),
    ]
    space = Line("searchSpace", {}, "nothing is drawn: the configurations are listed below")
    body = _study(seen.name, space, command, training, configurations * seeds + SPARE)
    return _file(header, body, arguments, machine)


def search_text(seen: Survey, training: Training, machine: Machine, command: Command, space: str) -> str:
    """Return the file of the study that searches the *space*, a file beside it."""
    header = [
        "# Question   Which values of the search space suit these images best?",
        *_header(command, machine, f"{SAMPLES} trials, of which many stop early, {training.concurrency} at a time"),
        "# Expect     the best of twenty is too good, since it is the best of many draws: then rarepix study confirm",
    ]
    arguments = [
        "  # Optuna draws configurations, and stops trials that fall behind",
        f"  classArgs: {{sampler: tpe, pruner: asha, seed: 1, samples: {SAMPLES}}}",
    ]
    line = Line("searchSpaceFile", space, "beside this file")
    body = _study(f"{seen.name}_search", line, command, training, SAMPLES + SPARE)
    return _file(header, body, arguments, machine)


def _header(command: Command, machine: Machine, size: str) -> list[str]:
    return [
        f"# Command    rarepix study run {command.study}",
        f"# Hardware   as rarepix init found it: {machine}",
        f"# Time       {size}; first: rarepix study check {command.study}",
    ]


def _study(name: str, space: Line, command: Command, training: Training, most: int) -> list[str]:
    trial = f"python -m trials.segment --recipe {shlex.quote(command.recipe)} --study {name}"
    return commented([
        Line("experimentName", name, "what NNI's web UI calls it"),
        space,
        Line("trialCommand", trial, "one trial; NNI gives it the parameters"),
        Line("trialCodeDirectory", command.code, "the checkout of rarepix, seen from this file: trials run there"),
        Line("trialConcurrency", training.concurrency, "trials at a time"),
        Line("maxTrialNumber", most, "with some to spare: a trial that fails is run again"),
        Line("maxTrialDuration", "12h", "a trial that takes longer is stopped"),
        Line("maxExperimentDuration", "168h", "so is a study"),
    ])  # fmt: skip


def _file(header: Iterable[str], body: Iterable[str], arguments: Iterable[str], machine: Machine) -> str:
    tuner = [
        "tuner:",
        "  codeDirectory: .  # any folder: the class is installed",
        f"  className: {ADVISOR}",
        *arguments,
    ]
    service = ["trainingService:", "  platform: local  # other machines: docs/reference/machines.md"]
    if machine.gpus > 1:
        service.append("  trialGpuNumber: 1  # every trial has a GPU of its own")
    return "\n".join([*header, "# Written by `rarepix init`.", *body, *tuner, *service]) + "\n"


def _choice(key: str, choices: Choices, why: str) -> list[str]:
    listed = [f"    - {flow(choice)}" for choice in choices]
    return [f"{key}:  # {why}", "  _type: choice", "  _value:", *listed]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
