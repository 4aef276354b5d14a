"""Names of losses: a term, a sum of terms such as ``focal+tversky+boundary``, or a library's loss.

Light: a configuration is checked with this, without importing torch.
"""

import re
from collections.abc import Mapping
from typing import Any

from rarepix.choices import pick
from rarepix.losses.libraries import LIBRARY_LOSSES, is_library
from rarepix.losses.registry import TERMS

REGISTRY = (
    "CE", "CE+L1", "CE+KL", "CE+DB", "CE+Dice", "CE+LogDice", "Focal+Dice", "Focal+LogDice", "Focal+KL", "Focal+L1",
    "DiceLoss", "LogDiceLoss", "GDiceLoss", "FocalLoss",
)  # fmt: skip
"""The names of the published registry, as it writes them."""

SPELLINGS = {name.replace("_", ""): name for name in TERMS} | {"asymmetricunifiedfocal": "unified_focal"}


def canonical(name: str) -> str:
    """Return the one spelling of *name*: lower case, words joined by ``_``, terms by ``+``.

    Case, ``_``, ``-``, blanks and a ``Loss`` at the end of a term do not matter: ``LogDiceLoss`` is ``log_dice``.
    A term that does not exist stays as it is, in lower case. A library's loss has the library's spelling.
    """
    if is_library(name):
        name = "".join(name.split())
        return next((known for known in LIBRARY_LOSSES if known.lower() == name.lower()), name)
    return "+".join(_canonical_term(term) for term in name.split("+"))


def terms_of(name: str, what: str = "loss") -> tuple[str, ...]:
    """Return the canonical names of the terms of a sum; a library's loss is the only one of its own.

    Raises:
        ValueError: a term that does not exist or comes twice, a first term of masks that cannot segment anything, or a
            library's loss that does not exist or is part of a sum.
    """
    if is_library(name):
        name = canonical(name)
        if "+" in name:
            raise ValueError(
                f"{what} {name!r} must not be a sum: a loss of a library stands alone, and sums are made of the "
                f"project's own terms (such as ce+dice)"
            )
        pick(LIBRARY_LOSSES, name, what)
        return (name,)
    terms = tuple(canonical(name).split("+"))
    for term in terms:
        if term not in TERMS:
            pick(dict.fromkeys(KNOWN) if len(terms) == 1 else TERMS, term, what)
    if len(set(terms)) < len(terms):
        raise ValueError(f"{what} {name!r} must name each term once: give the term a larger alpha instead")
    first = next((term for term in terms if TERMS[term].needs == "mask"), None)
    if first and TERMS[first].is_marginal:
        raise ValueError(
            f"{what} {name!r} must begin with a term that compares single pixels or regions, but {first!r} only "
            f"compares how many pixels each class has: write ce+{first}"
        )
    return terms


def needs_class_pixels(name: str) -> bool:
    """Return whether the loss needs the pixel counts of the training part (``class_pixels`` of ``build_loss``)."""
    return not is_library(name) and any(TERMS[term].class_pixels for term in terms_of(name))


def needs_of(name: str, parameters: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return what the loss compares, of ``mask`` and ``presence``: the outputs that the network must have.

    With *parameters* (all of them), a presence whose weight is 0 is not needed; without, it is.
    """
    rows = [] if is_library(name) else [TERMS[term] for term in terms_of(name)]
    needs = {row.needs for row in rows} or {"mask"}
    if any(row.presence for row in rows) and (parameters is None or parameters["presence_weight"] > 0):
        needs.add("presence")
    return tuple(sorted(needs))


def _canonical_term(term: str) -> str:
    compact = re.sub(r"[\s_-]", "", term.lower())
    return SPELLINGS.get(compact) or SPELLINGS.get(compact.removesuffix("loss")) or term.strip().lower()


ALONE = tuple(term for term, row in TERMS.items() if not row.is_marginal)
SUMS = tuple(canonical(name) for name in REGISTRY if "+" in name)
KNOWN = (*ALONE, *SUMS, *LIBRARY_LOSSES)
"""Terms that stand alone, sums of the registry, losses of libraries; any other sum can be named, too."""
