"""Habits: small files, nothing that unpickles, no global randomness, scripts and recipes that say how to run them.

Each test looks at every module and tells all that break its rule.
"""

import ast
import re
import warnings
from collections.abc import Callable, Iterator

from rarepix.config import load_recipe
from tests.house.source import CHECKOUT, libraries, modules, tree

LONG_FILE, LONGEST_FILE = 250, 400
"""Lines of a file: more than the first is a warning, more than the second is refused."""
LONGEST_FUNCTION = 50
"""Lines of a function without its docstring."""
SCRIPTS = [name for name in modules() if re.fullmatch(r"trials\.\w+", name)]
RECIPES = sorted((CHECKOUT / "trials" / "recipes").rglob("*.y*ml"))


def breaking(rule: Callable[[str], Iterator[str]]) -> list[str]:
    """Return what *rule* says of every module."""
    return [f"{name}: {what}" for name in modules() for what in rule(name)]


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in a module with the dotted name of what is called."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def lines_of(name: str) -> int:
    return len(modules()[name].read_text(encoding="utf-8").splitlines())


def test_there_is_something_to_look_at():
    assert SCRIPTS
    assert RECIPES
    assert len(modules()) > 200


def test_files_are_short():
    lengths = {name: lines_of(name) for name in modules()}
    for name, lines in lengths.items():
        if LONG_FILE < lines <= LONGEST_FILE:
            warnings.warn(f"{name} has {lines} lines: look for the second idea in it", stacklevel=1)
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_fit_a_screen():
    def rule(name: str) -> Iterator[str]:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                documented = ast.get_docstring(node) is not None
                begins = node.body[0].end_lineno + 1 if documented and len(node.body) > 1 else node.lineno
                if node.end_lineno - begins + 1 > LONGEST_FUNCTION:
                    yield f"{node.name} has {node.end_lineno - begins + 1} lines without its docstring"

    assert breaking(rule) == []


def test_every_file_says_what_it_is():
    assert [name for name in modules() if not ast.get_docstring(tree(name))] == []


def safe_loaders(name: str) -> set[str]:
    """Return the classes of a module that are yaml's safe loader with something added."""
    classes = [node for node in ast.walk(tree(name)) if isinstance(node, ast.ClassDef)]
    return {node.name for node in classes if [ast.unparse(base) for base in node.bases] == ["yaml.SafeLoader"]}


def test_nothing_unpickles():
    def rule(name: str) -> Iterator[str]:
        yield from sorted(libraries(name) & {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"})
        for called, node in calls(name):
            keywords = [ast.unparse(keyword) for keyword in node.keywords]
            allows = [keyword for keyword in keywords if keyword.startswith("allow_pickle=")]
            unsafe = (
                (called == "torch.load" and "weights_only=True" not in keywords)
                or called in ("yaml.unsafe_load", "yaml.full_load", "pd.read_pickle")
                or (called == "yaml.load" and ast.unparse(node.args[-1]) not in safe_loaders(name))
                or allows not in ([], ["allow_pickle=False"])
            )
            if unsafe:
                yield f"line {node.lineno}: {called}"

    assert breaking(rule) == []


def test_nothing_is_evaluated():
    forbidden = ("eval", "exec", "compile", "__import__", "importlib.import_module")
    assert breaking(lambda name: (called for called, _ in calls(name) if called in forbidden)) == []


def test_randomness_is_a_generator():
    def rule(name: str) -> Iterator[str]:
        if "random" in libraries(name):
            yield "imports random"
        allowed = {"np.random.Generator"}
        if name == "rarepix.seeding" or name.startswith("analysis"):  # a trial's generators come from rarepix.seeding
            allowed |= {"np.random.default_rng"}
        if name == "rarepix.data.scarcity":  # a published set of images was drawn with it
            allowed |= {"np.random.RandomState"}
        used = {ast.unparse(node) for node in ast.walk(tree(name)) if isinstance(node, ast.Attribute)}
        yield from sorted({text for text in used if re.fullmatch(r"(np|numpy)\.random\.\w+", text)} - allowed)

    assert breaking(rule) == []


def test_names_say_something():
    empty = {"utils", "util", "helpers", "misc", "common"}
    assert [name for name in modules() if empty & set(name.split("."))] == []


def test_no_error_is_swallowed():
    def rule(name: str) -> Iterator[str]:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
                silent = all(isinstance(line, ast.Pass | ast.Continue) for line in node.body)
                if node.type is None or (broad and silent):
                    yield f"line {node.lineno} passes over every error"

    assert breaking(rule) == []


def test_scripts_open_with_the_commands_that_run_them():
    silent = [name for name in SCRIPTS if f"python -m {name} --recipe " not in ast.get_docstring(tree(name))]
    assert silent == []


def test_recipes_open_with_their_command_and_load():
    for file in RECIPES:
        lines = file.read_text(encoding="utf-8").splitlines()
        comment = lines[: next(number for number, line in enumerate(lines) if not line.startswith("#"))]
        assert comment, f"{file} must open with a comment: what, command, time, expected score"
        assert any(line.startswith("# Command:") for line in comment), file
        if any(line.startswith(("data:", "extends:")) for line in lines):
            config = load_recipe(str(file.relative_to(CHECKOUT / "trials" / "recipes").with_suffix("")))
            assert config.data.root, file
