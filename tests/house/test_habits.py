"""Habits: small files, nothing that unpickles, no global randomness, scripts and recipes that say how to run them."""

import ast
import re

import pytest

from rarepix.config import load_recipe
from tests.house.source import CHECKOUT, libraries, modules, tree

LINES_OF_A_FILE = 250
LINES_OF_A_FUNCTION = 50
SCRIPTS = [name for name in modules() if re.fullmatch(r"trials\.\w+", name)]
RECIPES = sorted((CHECKOUT / "trials" / "recipes").rglob("*.y*ml"))
every_module = pytest.mark.parametrize("name", list(modules()))


def calls(name: str) -> list[tuple[str, ast.Call]]:
    """Every call in a module with the dotted name of what is called."""
    return [(ast.unparse(node.func), node) for node in ast.walk(tree(name)) if isinstance(node, ast.Call)]


@every_module
def test_files_are_short(name):
    lines = len(modules()[name].read_text(encoding="utf-8").splitlines())
    assert lines <= LINES_OF_A_FILE, f"{modules()[name]} has {lines} lines: look for the second idea in it"


@every_module
def test_functions_fit_a_screen(name):
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None
            begins = node.body[0].end_lineno + 1 if documented and len(node.body) > 1 else node.lineno
            lines = node.end_lineno - begins + 1
            assert lines <= LINES_OF_A_FUNCTION, f"{name}.{node.name} has {lines} lines without its docstring"


@every_module
def test_every_file_says_what_it_is(name):
    text = ast.get_docstring(tree(name))
    assert text, f"{modules()[name]} has no docstring"


def safe_loaders(name: str) -> set[str]:
    """Classes of a module that are yaml's safe loader with something added."""
    classes = [node for node in ast.walk(tree(name)) if isinstance(node, ast.ClassDef)]
    return {node.name for node in classes if [ast.unparse(base) for base in node.bases] == ["yaml.SafeLoader"]}


@every_module
def test_nothing_unpickles(name):
    assert libraries(name) & {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"} == set()
    for called, node in calls(name):
        if called == "torch.load":
            assert "weights_only=True" in [ast.unparse(keyword) for keyword in node.keywords], f"{name}:{node.lineno}"
        assert called not in ("yaml.unsafe_load", "yaml.full_load", "pd.read_pickle"), f"{name}:{node.lineno}"
        assert called != "yaml.load" or ast.unparse(node.args[-1]) in safe_loaders(name), f"{name}:{node.lineno}"
        allows = [ast.unparse(keyword) for keyword in node.keywords if keyword.arg == "allow_pickle"]
        assert allows in ([], ["allow_pickle=False"]), f"{name}:{node.lineno}"


@every_module
def test_nothing_is_evaluated(name):
    found = [
        f"{name}:{node.lineno}" for called, node in calls(name) if called in ("eval", "exec", "compile", "__import__")
    ]
    assert found == []
    assert "importlib.import_module" not in [called for called, _ in calls(name)]


@every_module
def test_randomness_is_a_generator(name):
    assert "random" not in libraries(name)
    allowed = {"np.random.Generator", "np.random.default_rng"}
    if name == "rarepix.data.scarcity":
        allowed |= {"np.random.RandomState"}  # a published set of images was drawn with it
    used = {ast.unparse(node) for node in ast.walk(tree(name)) if isinstance(node, ast.Attribute)}
    assert {text for text in used if re.fullmatch(r"(np|numpy)\.random\.\w+", text)} <= allowed
    if name != "rarepix.seeding" and not name.startswith("analysis"):
        assert "np.random.default_rng" not in used, "a trial's generators come from rarepix.seeding"


@every_module
def test_names_say_something(name):
    assert not {"utils", "util", "helpers", "misc", "common"} & set(name.split("."))


@every_module
def test_no_error_is_swallowed(name):
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{name}:{node.lineno} has a bare except"
            broad = ast.unparse(node.type) in ("Exception", "BaseException")
            silent = all(isinstance(line, ast.Pass | ast.Continue) for line in node.body)
            assert not (broad and silent), f"{name}:{node.lineno} passes over every error"


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_open_with_the_commands_that_run_them(name):
    assert f"python -m {name} --recipe " in ast.get_docstring(tree(name))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_recipes_open_with_their_command_and_load(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    comment = lines[: next(number for number, line in enumerate(lines) if not line.startswith("#"))]
    assert comment, f"{file} must open with a comment: what, command, time, expected score"
    assert any(line.startswith("# Command:") for line in comment)
    if any(line.startswith("data:") for line in lines) or any(line.startswith("extends:") for line in lines):
        config = load_recipe(str(file.relative_to(CHECKOUT / "trials" / "recipes").with_suffix("")))
        assert config.data.root


def test_there_is_something_to_look_at():
    assert SCRIPTS
    assert RECIPES
