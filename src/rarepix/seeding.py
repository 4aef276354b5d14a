"""Randomness: a numpy Generator made from (seed, parts), never a global state.

The parts say what the numbers are for (``generator(seed, "sampler", epoch, rank)``). They are hashed together, so that
neighbouring seeds, epochs and ranks give unrelated streams and epoch 0 differs from seed to seed.
"""

import hashlib

import numpy as np

Part = str | int


def stable_hash(*parts: Part) -> int:
    """Return a 128-bit integer that depends on *parts* alone: the same on every machine, process and Python."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def generator(seed: int, *parts: Part) -> np.random.Generator:
    """Return a fresh Generator for the purpose named by *parts* under *seed*."""
    return np.random.default_rng(stable_hash(seed, *parts))
