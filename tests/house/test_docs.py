"""What the documents tell a reader to type exists, and the files that they name are there."""

import re
import shlex

import typer

from rarepix.choices import pick
from rarepix.cli import app
from rarepix.cli.trial import trial_parser
from rarepix.config import load_recipe, parse_settings, updated
from rarepix.metrics.settings import GateConfig
from rarepix.scores import SCORES
from rarepix.trial.plans import find_plan
from tests.house.source import CHECKOUT, modules

DOCUMENTS = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "search_spaces" / "README.md"]
DOCUMENTS += sorted((CHECKOUT / "docs").rglob("*.md"))
STUDIES = [CHECKOUT / "nni_config.yml", *sorted((CHECKOUT / "studies").glob("*.yml"))]
RECIPES = sorted((CHECKOUT / "trials" / "recipes").rglob("*.yaml"))
READERS_OWN = {"my_recipe.yaml", "my_study.yml"}
READERS_OWN |= {f"studies/demo/{name}" for name in ("demo.yaml", "study.yml", "search.yml")}  # rarepix init writes them
TARGETS = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)


def commands() -> list[tuple[str, str]]:
    """Return (file, command) of every shell line in the documents and of every header of a study or recipe."""
    found = []
    for file in DOCUMENTS:
        for block in re.findall(r"```sh\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL):
            found += [(file.name, line) for line in block.splitlines()]
        found += [
            (file.name, code) for code in re.findall(r"`((?:make|rarepix|python -m|nnictl) [^`]+)`", file.read_text())
        ]
    for file in [*STUDIES, *RECIPES]:
        found += [(file.name, line) for line in re.findall(r"^# Command:?\s+(.*)", file.read_text(), re.MULTILINE)]
    for name in modules():
        if name.startswith("trials.") or name in ("bench.__main__", "analysis.__main__", "docs.pictures.__main__"):
            text = modules()[name].read_text(encoding="utf-8").split('"""')[1]
            found += [(name, line) for line in text.splitlines() if line.startswith("    ")]
    cleaned = [(file, re.split(r"\s{2,}|\s#", line.strip())[0]) for file, line in found]
    return [(file, line) for file, line in cleaned if re.match(r"(\w+=\S+ )*(make|rarepix|python|nnictl) ", line)]


def words(command: str) -> list[str]:
    return [word for word in shlex.split(command) if not re.fullmatch(r"[A-Z_]+=\S+", word)]


def test_every_command_can_be_typed():
    wrong = {}
    for file, command in commands():
        try:
            check_command(file, *words(command))
        except (Exception, SystemExit) as error:
            wrong[f"{file}: {command}"] = str(error)
    assert wrong == {}


def check_command(file: str, program: str, *rest: str) -> None:
    if program == "make":
        assert rest[0] in TARGETS, f"{file}: make has no target {rest[0]}"
    elif program == "rarepix":
        reach(list(rest))
    elif program == "nnictl":
        assert rest[0] in ("create", "resume", "stop", "view")
        for config in rest[2:3] if rest[1:2] == ["--config"] else []:
            assert config in READERS_OWN or (CHECKOUT / config).is_file()
    else:
        runs_a_module(list(rest))


def reach(words: list[str]) -> None:
    """Follow the words of a ``rarepix`` command to the sub-command that takes the rest."""
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands"):  # a group alone is a name, not a command to type
        assert words[0] in command.commands, f"rarepix has no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    if words:  # without any it is a name in a sentence
        given = command.make_context(command.name, list(words)).params
        parse_settings(given.get("settings") or [])
        if given.get("gate"):
            GateConfig(kind=given["gate"])
        if given.get("best"):
            pick(SCORES, given["best"], "score")
    for word in words:
        if word.endswith(".yml") and word not in READERS_OWN:
            assert (CHECKOUT / word).is_file()


def runs_a_module(words: list[str]) -> None:
    dash_m, module, *rest = words
    assert dash_m == "-m"
    assert {module, f"{module}.__main__"} & set(modules()) or (CHECKOUT / f"{module.replace('.', '/')}.py").is_file()
    package, _, plan = module.partition(".")
    if package == "trials":
        given = trial_parser(plan).parse_args(rest)
        if given.recipe not in READERS_OWN:
            updated(load_recipe(given.recipe, find_plan(plan).config), parse_settings(given.set))


def test_nothing_is_still_to_be_filled_in():
    lines = [(file.name, line) for file in DOCUMENTS for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(file, line) for file, line in lines if re.fullmatch(r"[A-Z_ ]{4,}", line) or "TODO" in line] == []


def test_files_that_are_named_are_there():
    missing = []
    for file in [*DOCUMENTS, *STUDIES]:
        text = file.read_text(encoding="utf-8")
        named = re.findall(r"`((?:src|trials|studies|search_spaces|analysis|tests|bench|docs)/[\w./-]+)`", text)
        linked = re.findall(r"\]\(([\w./-]+)(?:#[\w-]*)?\)", text)
        missing += [(file.name, name) for name in named if not (CHECKOUT / name).exists()]
        missing += [(file.name, name) for name in linked if not (file.parent / name).exists()]
    assert missing == []


def test_every_page_can_be_reached_from_the_readme():
    pending, reached = [CHECKOUT / "README.md"], set()
    while pending:
        page = pending.pop()
        if page in reached:
            continue
        reached.add(page)
        linked = re.findall(r"\]\(([\w./-]+\.md)(?:#[\w-]*)?\)", page.read_text(encoding="utf-8"))
        pending += [(page.parent / name).resolve() for name in linked]
    assert [page.name for page in DOCUMENTS if page not in reached] == []


def test_a_study_opens_with_what_a_reader_needs_to_know():
    headings = ("Question", "Command", "Hardware", "Time", "Expect")
    missing = [
        (file.name, heading)
        for file in STUDIES
        for heading in headings
        if not re.search(rf"^# {heading}", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_there_is_something_to_look_at():
    programs = {words(command)[0] for _, command in commands()}
    assert programs == {"make", "rarepix", "python", "nnictl"}
    assert len(commands()) > 15
