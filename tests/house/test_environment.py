"""One environment, said three times: ranges in pyproject.toml, pins in requirements.lock, conda's environment.yml."""

import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.house.source import CHECKOUT, libraries, libraries_of, modules

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
LOCK = [
    line.strip()
    for line in (CHECKOUT / "requirements.lock").read_text().splitlines()
    if line.strip() and not line.strip().startswith("#")
]
WANTED = [
    Requirement(text)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in group
]


def pins() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for line in LOCK:
        requirement = Requirement(line)
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def test_every_dependency_is_pinned_within_its_range():
    for wanted in WANTED:
        found = pins().get(canonicalize_name(wanted.name))
        assert found, f"{wanted.name} is not in requirements.lock: make lock"
        for pin in found:
            (version,) = (clause.version for clause in pin.specifier)
            assert wanted.specifier.contains(version, prereleases=True), f"{pin} is not within {wanted}: make lock"


def declared(*groups: str) -> set[str]:
    """Return the names of the packages that the product, and further groups, declare."""
    texts = [*PROJECT["dependencies"], *(text for group in groups for text in PROJECT["optional-dependencies"][group])]
    return {canonicalize_name(Requirement(text).name) for text in texts}


@cache
def owners() -> dict[str, list[str]]:
    """Return which packages each importable name comes with."""
    return dict(packages_distributions())


def undeclared(imported: set[str], packages: set[str]) -> set[str]:
    """Return which libraries come with none of *packages*; what Python itself has is always there."""
    return {
        name
        for name in imported - set(sys.stdlib_module_names)
        if not {canonicalize_name(owner) for owner in owners().get(name, ())} & packages
    }


def test_everything_that_is_imported_is_declared():
    product = {name: libraries(name) for name in modules() if name.split(".")[0] in ("rarepix", "analysis", "trials")}
    missing = {name: undeclared(imported, declared("dicom")) for name, imported in product.items()}
    assert {name: found for name, found in missing.items() if found} == {}
    others = {name: libraries(name) for name in modules() if name not in product}
    others |= {str(file): libraries_of(file) for file in (CHECKOUT / "tests").rglob("*.py")}
    missing = {name: undeclared(imported, declared("dev")) for name, imported in others.items()}
    assert {name: found for name, found in missing.items() if found} == {}


def test_everything_that_is_declared_is_used():
    """But for what the libraries need and do not say themselves."""
    needed_by_others = {"setuptools", "cmaes", "greenlet", "tensorboard"}
    needed_by_tools = {"pytest-xdist", "ruff", "ipykernel"}
    used = set().union(*(libraries(name) for name in modules()))
    used |= set().union(*(libraries_of(file) for file in (CHECKOUT / "tests").rglob("*.py")))
    packages = {canonicalize_name(owner) for name in used for owner in owners().get(name, ())}
    assert declared("dev") - packages - needed_by_others - needed_by_tools == set()


def test_the_lock_pins_everything_exactly():
    loose = [
        str(pin) for versions in pins().values() for pin in versions if [c.operator for c in pin.specifier] != ["=="]
    ]
    assert loose == []


def test_the_lock_names_no_place():
    named = [line for line in LOCK if re.search(r"https?:|file:|git\+|--|\s@\s|\+cpu|\+cu\d", line)]
    assert named == []


def test_no_requirement_names_a_place():
    assert [wanted.name for wanted in WANTED if wanted.url] == []
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text()).get("tool", {})
    assert not {"index", "index-url", "extra-index-url"} & set(settings.get("uv", {}))


def test_conda_installs_the_lock_and_the_project():
    parts = yaml.safe_load((CHECKOUT / "environment.yml").read_text())["dependencies"]
    pip = next(part["pip"] for part in parts if isinstance(part, dict))
    assert "-r requirements.lock" in pip
    assert "-e ." in pip
    plain = [part for part in parts if isinstance(part, str)]
    assert "pip" in [re.split("[=<>]", part)[0] for part in plain]
    assert {re.split("[=<>]", part)[0] for part in plain} <= {"python", "pip", "setuptools"}, (
        "pins are in the lock alone"
    )


def test_condas_python_is_one_that_the_project_takes():
    parts = yaml.safe_load((CHECKOUT / "environment.yml").read_text())["dependencies"]
    python = next(part for part in parts if isinstance(part, str) and part.startswith("python"))
    version = python.partition("=")[2].lstrip("=")
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)


def test_setuptools_is_one_that_nni_can_be_imported_with():
    (pin,) = pins()["setuptools"]
    assert not pin.specifier.contains("81")
    assert int(next(iter(pin.specifier)).version.split(".")[0]) < 81
