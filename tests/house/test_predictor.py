"""One place runs a trained network and decodes what it says: everything else asks ``rarepix.inference.predictor``."""

import ast
import re

from tests.house.source import modules, tree

PRODUCT = [name for name in modules() if name.startswith("rarepix.")]
RUNS_IT = {
    "rarepix.engine.module": "the module normalises and calls the network, in training and for the predictor",
    "rarepix.inference.predictor": "the predictor calls the network",
    "rarepix.inference.windows": "the predictor calls the network in windows",
    "rarepix.wiring.network": "a dry run takes one training step on zeros",
}
"""Module → why it may call a network."""


def calls_of_networks(name: str) -> list[str]:
    """Return the calls in a module whose callee is called like a network."""
    called = [ast.unparse(node.func) for node in ast.walk(tree(name)) if isinstance(node, ast.Call)]
    return [text for text in called if re.fullmatch(r"(.*\.)?(model|module|net)|network", text)]


def test_a_network_is_called_by_the_predictor_and_in_training_alone():
    callers = {name: calls for name in PRODUCT if (calls := calls_of_networks(name))}
    assert set(callers) == set(RUNS_IT)


def test_logits_are_decoded_by_the_predictor_alone():
    decoders = {
        name
        for name in PRODUCT
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rarepix.inference")
        if {alias.name for alias in node.names} & {"decode", "slide", "windows"}
    }
    assert decoders == {"rarepix.inference.predictor"}
    largest = [name for name in PRODUCT if any(re.search(r"\.(arg)?max$", text) for text in calls(name, on="logits"))]
    assert largest == ["rarepix.inference.decode"]


def calls(name: str, *, on: str) -> list[str]:
    """Return the calls in a module of a method of what is called *on*."""
    called = [ast.unparse(node.func) for node in ast.walk(tree(name)) if isinstance(node, ast.Call)]
    return [text for text in called if text.startswith(f"{on}.")]
