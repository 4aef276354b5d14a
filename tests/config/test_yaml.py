"""The strict YAML loader, through all that use it: duplicate keys are refused, and which texts are numbers."""

import pytest

from rarepix.config import load_recipe, parse_settings
from rarepix.config.yaml import parse_value, read_mapping
from rarepix.search.nni.space import read_space
from rarepix.search.nni.study_file import read_study
from rarepix.settings import ConfigError

READERS = {
    "recipe": (load_recipe, "data: {root: here}\n"),
    "study": (read_study, "searchSpaceFile: space.yml\n"),
    "search space": (read_space, ""),
}
every_reader = pytest.mark.parametrize("what", READERS)


@every_reader
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("optim: {lr: 0.1}\nseed: 1\noptim: {lr: 0.2}\n", "optim"),
        ("optim: {lr: 0.1, lr: 0.2}\n", "lr"),
        ("optim: [{lr: 0.1}, {lr: 0.1, lr: 0.2}]\n", "lr"),
    ],
    ids=["a section", "a key of a section", "inside a list"],
)
def test_a_key_given_twice_is_refused_with_its_line(what, text, key, tmp_path):
    reader, beginning = READERS[what]
    file = tmp_path / "file.yaml"
    file.write_text(beginning + text)
    lines = (beginning + text).splitlines()
    second = max(number for number, line in enumerate(lines, start=1) if f"{key}:" in line)
    message = f"the {what} .*file.yaml must be YAML or JSON, but: line {second}: the key '{key}' is given twice"
    with pytest.raises(ConfigError, match=message):
        reader(file)


@every_reader
def test_a_key_given_twice_in_json_is_refused(what, tmp_path):
    file = tmp_path / "file.yaml"
    file.write_text('{"optim": {"lr": 0.1}, "optim": {"lr": 0.2}}')
    with pytest.raises(ConfigError, match="the key 'optim' is given twice"):
        READERS[what][0](file)


def test_a_key_given_twice_in_the_recipe_that_is_extended_is_refused(tmp_path):
    (tmp_path / "base.yaml").write_text("data: {root: here}\noptim: {lr: 0.1}\noptim: {lr: 0.2}\n")
    (tmp_path / "child.yaml").write_text("extends: base\n")
    with pytest.raises(ConfigError, match=r"the recipe .*base\.yaml .* the key 'optim' is given twice"):
        load_recipe(tmp_path / "child.yaml")


def test_a_key_given_twice_on_the_command_line_is_refused():
    with pytest.raises(ConfigError, match="the value of loss must be YAML, but got '{_name: focal, _name: ce}'"):
        parse_settings(["loss={_name: focal, _name: ce}"])


@pytest.mark.parametrize("text", ["a: &x {b: *x}", "? [1, 2]\n: 3", "a: !!python/name:os.system"])
def test_anything_but_a_plain_mapping_is_refused(text, tmp_path):
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="the study .* must be YAML or JSON"):
        read_mapping(file, "the study")


def test_exponents_without_a_point_are_numbers_in_recipes_and_texts_in_studies(tmp_path):
    assert parse_value("[1e-4, 1.0e-4, -2E3]") == [1e-4, 1e-4, -2000.0]
    file = tmp_path / "file.yaml"
    file.write_text("lr: [1e-4, 1.0e-4]")
    assert read_mapping(file, "the study") == {"lr": ["1e-4", 1e-4]}
    file.write_text('{"lr": [1e-4]}')
    assert read_mapping(file, "the study") == {"lr": [1e-4]}


def test_a_mapping_may_be_merged_into_another_and_overridden(tmp_path):
    file = tmp_path / "file.yaml"
    file.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n")
    assert read_mapping(file, "the study")["b"] == {"x": 1, "y": 3}
