"""The source as the tests of the house see it: files, their trees, and who imports whom."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
BESIDE = ("analysis", "trials", "bench", "docs")
PLACES = {"rarepix": CHECKOUT / "src" / "rarepix"} | {name: CHECKOUT / name for name in BESIDE}


@cache
def modules() -> dict[str, Path]:
    """Return every module of ours by its dotted name."""
    found = {}
    for package, folder in PLACES.items():
        for file in sorted(folder.rglob("*.py")):
            parts = [package, *file.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def tree(name: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


@cache
def imports(name: str) -> frozenset[str]:
    """Return what a module imports anywhere: at its top, in functions and under ``TYPE_CHECKING``.

    Modules of ours by their full names, others as they are written.
    """
    return frozenset(_imports(name))


def _imports(name: str) -> Iterator[str]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno} must import by full names, but has a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in modules() else node.module


def ours(name: str) -> set[str]:
    """Return the modules of ours that a module imports."""
    return {imported for imported in imports(name) if imported in modules()}


def libraries_of(file: Path) -> set[str]:
    """Return the top-level names of what a file outside the product, such as a test, imports that is not ours."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.partition(".")[0])
    return found - set(PLACES) - {"tests"}


def libraries(name: str) -> set[str]:
    """Return the top-level names of what a module imports that is not ours."""
    return {imported.partition(".")[0] for imported in imports(name) if imported not in modules()}
