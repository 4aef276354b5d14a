"""Keys of one branch of a choice, and values as a shell takes them."""

import shlex

from analysis.reading.parameters import as_settings, conditional, flatten


def test_keys_inside_a_choice_exist_in_its_branch_only():
    parameters = {"lr": 1, "loss": {"_name": "focal", "gamma": 2, "more": {"_name": "x", "y": 1}}, "optim": {"lr": 2}}
    assert conditional(parameters) == {"loss.gamma", "loss.more.y"}


def test_a_further_choice_of_a_section_has_its_parameters_in_the_section():
    parameters = {"optim": {"_name": "sgd", "momentum": 0.5}, "optim.schedule": {"_name": "step", "every": 3}}
    assert flatten(parameters) == {
        "optim.name": "sgd", "optim.momentum": 0.5, "optim.schedule": "step", "optim.every": 3,
    }  # fmt: skip
    assert conditional(parameters) == {"optim.momentum", "optim.every"}
    inside = {"optim": {"_name": "sgd", "schedule": {"_name": "step", "every": 3}}}
    assert flatten(inside) == {"optim.name": "sgd", "optim.schedule": "step", "optim.every": 3}


def test_settings_survive_a_shell():
    text = as_settings({"a": "it's", "b": 0.1, "c": True, "d": [1, 2], "e": 0}, without=("e",))
    assert shlex.split(text) == ["--set", "a=it's", "--set", "b=0.1", "--set", "c=true", "--set", "d=[1, 2]"]
