"""Two processes with half a batch each are one process with the whole of it: loss, gradients, statistics."""

import subprocess
import sys

import pytest
import torch

from rarepix.engine import distributed
from tests.engine.pair import batch, network, step
from tests.house.source import CHECKOUT

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> list[dict]:
    """What the two found."""
    folder = tmp_path_factory.mktemp("pair")
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.engine.pair", str(folder), str(rank)],
            env=environment, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=400)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("loss", ["ce", "dice"])
def test_a_step_of_two_is_the_step_of_one(pair, loss):
    """Although the halves differ in ignored pixels and in the classes that they show."""
    whole = step(network(), *batch(), loss)
    assert len(whole) > 100
    for found in pair:
        assert found[loss].keys() == whole.keys()
        for name, value in whole.items():
            torch.testing.assert_close(
                found[loss][name], value, rtol=1e-7, atol=1e-12, msg=lambda text, n=name: n + text
            )


def test_shares_come_together_in_order_bit_by_bit(pair):
    for found in pair:
        assert found["whole"].dtype is torch.bfloat16
        assert found["whole"].tolist() == [0, 1, 2, 1, 2, 3]


def test_sums_of_integers_are_exact(pair):
    assert [found["sum"].tolist() for found in pair] == [[2**61 + 1, -1]] * 2


def test_the_leader_is_first(pair):
    assert [found["leader was first"] for found in pair] == [True, True]


def test_alone_nothing_is_copied():
    values = torch.ones(2, requires_grad=True)
    assert (distributed.rank(), distributed.size(), distributed.is_main_process()) == (0, 1, True)
    assert all(
        function(values) is values
        for function in (distributed.all_reduce_sum, distributed.mean, distributed.all_gather)
    )
    with distributed.main_process_first():
        pass
