"""Keys of one branch of a choice, and values as a shell takes them."""

import shlex

from analysis.reading.parameters import as_settings, conditional


def test_keys_inside_a_choice_exist_in_its_branch_only():
    parameters = {"lr": 1, "loss": {"_name": "focal", "gamma": 2, "more": {"_name": "x", "y": 1}}, "optim": {"lr": 2}}
    assert conditional(parameters) == {"loss.gamma", "loss.more.y"}


def test_settings_survive_a_shell():
    text = as_settings({"a": "it's", "b": 0.1, "c": True, "d": [1, 2], "e": 0}, without=("e",))
    assert shlex.split(text) == ["--set", "a=it's", "--set", "b=0.1", "--set", "c=true", "--set", "d=[1, 2]"]
