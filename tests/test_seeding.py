"""Generators depend on their parts alone, and are unrelated for different parts."""

import hashlib
import itertools
import subprocess
import sys

import numpy as np
import pytest

from rarepix.seeding import generator, stable_hash

PARTS = [
    (0,),
    (1,),
    ("0",),
    (0, 1),
    (1, 0),
    (0, "sampler", 0),
    (1, "sampler", 0),
    (0, "sampler", 1),
    ("ab",),
    ("a", "b"),
]


def test_hash_is_the_same_in_every_process():
    code = "from rarepix.seeding import stable_hash; print(stable_hash(3, 'sampler', 7))"
    actual = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert actual == {str(stable_hash(3, "sampler", 7))}


def test_hash_is_a_digest_of_types_and_values():
    digest = hashlib.sha256(b"int:3\x1fstr:sampler").digest()
    assert stable_hash(3, "sampler") == int.from_bytes(digest[:16], "big")


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(PARTS, 2)))
def test_different_parts_differ(one, other):
    assert stable_hash(*one) != stable_hash(*other)


def test_same_parts_give_the_same_stream():
    assert generator(5, "x", 2).random(8).tolist() == generator(5, "x", 2).random(8).tolist()


def test_each_call_restarts_the_stream():
    first = generator(5)
    first.random(100)
    assert generator(5).random() != first.random()


def test_neighbouring_seeds_are_unrelated():
    streams = np.stack([generator(seed, "sampler", 0).random(4000) for seed in range(6)])
    between = np.corrcoef(streams)[~np.eye(6, dtype=bool)]
    assert np.abs(between).max() < 0.08  # 5 standard errors of 1 / sqrt(4000)


def test_the_global_state_is_not_used():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - that it is not used is the point
    generator(1, "x").random(10)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
