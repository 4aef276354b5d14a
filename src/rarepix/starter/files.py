"""The files that are written for a folder, and where."""

import os
import shlex
from pathlib import Path
from typing import NamedTuple

import rarepix
from rarepix.config import build_config
from rarepix.files import write_text
from rarepix.settings import ConfigError
from rarepix.starter.machine import Machine
from rarepix.starter.recipe import recipe_of, recipe_text, tree_of
from rarepix.starter.studies import Command, comparison_text, search_text, space_text
from rarepix.starter.survey import Survey
from rarepix.starter.training import plan_training

SCRIPT = Path("trials", "segment.py")
SPACE, STUDY, SEARCH = "search_space.yml", "study.yml", "search.yml"


class OutputExists(ValueError):
    """Files that would be overwritten."""


class StarterFiles(NamedTuple):
    """The files, by path, with their texts."""

    recipe: Path
    study: Path
    search: Path
    texts: dict[Path, str]


def checkout() -> Path:
    """Return the checkout that trials run in: the folder that commands are typed in, or the one of this code.

    Raises:
        ConfigError: neither holds the script of trials.
    """
    places = (Path.cwd(), Path(rarepix.__file__).parents[2])
    for place in places:
        if (place / SCRIPT).is_file():
            return place
    raise ConfigError(
        f"rarepix init must be run in a checkout of rarepix, where {SCRIPT} is, but {places[0]} is none: change into it"
    )


def starter_files(seen: Survey, folder: str, out: Path | None, machine: Machine) -> StarterFiles:
    """Return the files for what was *seen* in *folder*; they lie in *out*, by default in ``studies/NAME``.

    Raises:
        ConfigError: there is no checkout to run trials in.
    """
    code = checkout()
    out = Path(os.path.relpath(code / "studies" / seen.name)) if out is None else out
    recipe, study, search = out / f"{seen.name}.yaml", out / STUDY, out / SEARCH
    training = plan_training(seen.learned, seen.training_images, machine)
    sections = recipe_of(seen, _root(folder, code), training, machine)
    build_config(tree_of(sections))  # refuses what no trial could be run with

    def command(file: Path) -> Command:
        return Command(_inside(recipe, code), shlex.quote(str(file)), _from(out, code))

    texts = {
        recipe: recipe_text(sections, seen, str(recipe)),
        out / SPACE: space_text(seen, training),
        study: comparison_text(seen, training, machine, command(study)),
        search: search_text(seen, training, machine, command(search), SPACE),
    }
    return StarterFiles(recipe, study, search, texts)


def write(files: StarterFiles, *, force: bool) -> None:
    """Write the files, each whole or not at all.

    Raises:
        OutputExists: one of them is there already, and *force* is false; none is written.
        WriteError: a file cannot be written.
    """
    existing = [str(path) for path in files.texts if path.exists()]
    if existing and not force:
        raise OutputExists(
            f"files must not be overwritten, but {', '.join(existing)} exist: give another folder (--out), or "
            f"--force to overwrite them"
        )
    for path, text in files.texts.items():
        write_text(path, text)


def _root(folder: str, code: Path) -> str:
    """Return *folder* as a recipe names it: with its variables, or relative to the checkout where it was given so."""
    if "$" in folder or folder.startswith("~") or (code == Path.cwd() and not Path(folder).is_absolute()):
        return folder
    return str(Path(folder).resolve())


def _inside(file: Path, code: Path) -> str:
    """Return how a trial that runs in the checkout *code* finds *file*: relative to it, if it is in there."""
    path = file.resolve()
    return str(path.relative_to(code.resolve()) if path.is_relative_to(code.resolve()) else path)


def _from(out: Path, code: Path) -> str:
    """Return how a study in the folder *out* finds the checkout *code*: upwards, if it is in there."""
    folder = out.resolve()
    return os.path.relpath(code.resolve(), folder) if folder.is_relative_to(code.resolve()) else str(code.resolve())
