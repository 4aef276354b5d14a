"""The trial command of a study: the module that it runs, and its options."""

import argparse
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.choices import nearest
from rarepix.config import TrialConfig, load_recipe, parse_settings, updated
from rarepix.layout import RESULTS_VARIABLE, study_folder
from rarepix.records import DEFAULT_PLAN
from rarepix.search.nni.trial_io import study_name
from rarepix.settings import ConfigError
from rarepix.trial.plans import PLANS, find_plan

EXAMPLE = "python -m trials.segment --recipe demo"
SCRIPTS = "trials."
"""Before a plan's name: its script is ``trials.<plan>``. A module elsewhere is a user's own script for ``segment``."""


@dataclass(frozen=True)
class TrialCommand:
    """A parsed trial command."""

    module: str
    recipe: str
    settings: tuple[str, ...] = ()
    results: str | None = None
    study: str | None = None
    folder: Path = Path()
    """Trials run here; paths in the command are relative to it."""

    @property
    def plan(self) -> str:
        """Name of the plan of the trials."""
        return self.module.removeprefix(SCRIPTS) if self.module.startswith(SCRIPTS) else DEFAULT_PLAN

    def configuration(self) -> TrialConfig:
        """Return the configuration of a trial before the search changes it.

        Raises ``FileNotFoundError`` if there is no such recipe, ``ConfigError`` if it or a ``--set`` is not valid.
        """
        plan = find_plan(self.plan)
        file = self.folder / self.recipe
        recipe = file if file.suffix in (".yml", ".yaml") else self.recipe
        config = updated(load_recipe(recipe, plan.config), parse_settings(self.settings))
        plan.stage_configs(config)  # raises if a stage cannot be run with it
        return config

    def epochs(self, config: TrialConfig) -> int:
        """Return the epochs of a trial of *config*, of all its stages together."""
        return find_plan(self.plan).epochs(config)

    def study_folder(self, experiment: str) -> Path:
        """Return the folder in which the trials of an NNI experiment leave their records."""
        root = self.folder / (self.results or os.environ.get(RESULTS_VARIABLE) or "results")
        return study_folder(root, study_name(self.study or Path(self.recipe).stem, experiment))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise ConfigError(f"trialCommand: {message}")


def parse(text: str, folder: Path) -> TrialCommand:
    """Return the parsed trial command *text*, to be run in *folder*.

    Raises ``ConfigError`` if it is not one plain process like ``EXAMPLE``: NNI stops that process alone; other
    processes of a pipe, a list of commands or a script would go on.
    """
    shell = re.search(r"[|;&<>`\n]|\$\(", text)
    if shell:
        raise ConfigError(
            f"trialCommand must be one plain process, but has {shell[0]!r} in {text!r}: "
            f"move that into the trial's own script, and write for instance {EXAMPLE}"
        )
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"trialCommand must be a command line, but: {error} in {text!r}") from None
    if len(words) < 3 or not re.fullmatch(r"python[\d.]*", Path(words[0]).name) or words[1] != "-m":
        raise ConfigError(f"trialCommand must be of the form {EXAMPLE!r}, but got {text!r}")
    options = _options(words[3:])
    for option in ("recipe", "results", "study"):
        value = getattr(options, option) or ""
        if value.startswith("~") or "$" in value:
            raise ConfigError(
                f"trialCommand: --{option} must be written out (only the shell of a trial would expand '~' and '$'), "
                f"but got {value!r}"
            )
    command = TrialCommand(words[2], options.recipe, tuple(options.set), options.results, options.study, folder)
    if command.plan not in PLANS:
        raise ConfigError(
            f"trialCommand runs {command.module}, but there is no plan {command.plan!r}: "
            f"{nearest(command.plan, PLANS)}plans: {', '.join(PLANS)}"
        )
    script = folder / Path(*words[2].split(".")).with_suffix(".py")
    if not script.is_file():
        raise ConfigError(
            f"trialCommand runs {words[2]}, so trialCodeDirectory must hold {script.relative_to(folder)}, "
            f"but {folder} does not: set trialCodeDirectory to the checkout, relative to the study's file"
        )
    return command


def command_from_params(params: dict[str, Any]) -> TrialCommand:
    """Return the trial command in an experiment's configuration *params*, as NNI keeps it.

    Raises ``ConfigError`` if it does not run trials of rarepix.
    """
    service = params.get("trainingService")
    if not isinstance(service, dict) or "trialCommand" not in service:
        raise ConfigError("its configuration has no trainingService with a trialCommand")
    return parse(service["trialCommand"], Path(service["trialCodeDirectory"]))


def _options(words: list[str]) -> argparse.Namespace:
    parser = _Parser(prog="trialCommand", add_help=False, allow_abbrev=False)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--results")
    parser.add_argument("--study")
    parser.add_argument("--traceback", action="store_true")
    return parser.parse_args(words)
