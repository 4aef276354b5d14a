"""Names of losses and the parameters of each: sums of terms, such as ``focal+tversky+boundary``, or a library's loss.

Light: a configuration is checked with this, without importing torch.
"""

import re
from collections.abc import Mapping
from typing import Any

from rarepix.choices import pick
from rarepix.losses.libraries import LIBRARY_LOSSES, is_library, own_arguments

SMOOTH = {"smooth": 0.0, "foreground_only": False}
MARGINAL = {"temperature": 1.0, "marginal": "image", "foreground_only": False}
TVERSKY = {"fp_weight": 0.3, "fn_weight": 0.7}

TERM_PARAMETERS: dict[str, dict[str, Any]] = {
    "ce": {"label_smoothing": 0.0, "class_weights": None},
    "inverse_frequency_ce": {"power": 1.0},
    "logit_adjustment": {"tau": 1.0},
    "poly1": {"epsilon": 1.0, "class_weights": None},
    "focal": {"gamma": 2.0, "balance": None, "class_weights": None},
    "softmax_focal": {"gamma": 2.0, "class_weights": None},
    "ohem": {"threshold": 0.7, "min_kept": 0.0625},
    "topk": {"share": 0.1},
    "background_weighted_bce": {"background_weight": 0.1, "object_weight": 1.0},
    "box_aware_bce": {"edge_weight": 0.1, "edge_kernel": 5},
    "dice": SMOOTH,
    "log_dice": SMOOTH,
    "gdice": {"foreground_only": False},
    "jaccard": SMOOTH,
    "tversky": TVERSKY | SMOOTH,
    "focal_tversky": TVERSKY | {"gamma": 0.75} | SMOOTH,
    "dice_plus": {"smooth": 1.0},
    "lovasz": {"foreground_only": False},
    "unified_focal": {"delta": 0.6, "gamma": 0.5, "region_weight": 0.5},
    "boundary": {"foreground_only": False},
    "l1": MARGINAL,
    "kl": MARGINAL,
    "db": MARGINAL,
}
"""Term → its parameters with their defaults. A parameter means the same in every term that has it."""

COMPOUND_PARAMETERS: dict[str, Any] = {
    "alpha": 1.0, "schedule": "constant", "every": 1, "factor": 5.0, "limit": 100.0, "start": 0.0, "over": 10,
}  # fmt: skip
"""Parameters of every sum of two terms or more."""

MARGINAL_TERMS = ("l1", "kl", "db")
"""They compare how many pixels a class has, not which, so they cannot segment alone."""

FREQUENCY_TERMS = ("inverse_frequency_ce", "logit_adjustment")
"""They need the pixel counts of the training part."""

PUBLISHED_TERMS = ("ce", "focal", "softmax_focal", "dice", "log_dice", "gdice", *MARGINAL_TERMS)
"""They have a form with exactly the published reductions and epsilons."""

REGISTRY = (
    "CE", "CE+L1", "CE+KL", "CE+DB", "CE+Dice", "CE+LogDice", "Focal+Dice", "Focal+LogDice", "Focal+KL", "Focal+L1",
    "DiceLoss", "LogDiceLoss", "GDiceLoss", "FocalLoss",
)  # fmt: skip
"""The names of the published registry, as it writes them."""

SPELLINGS = {name.replace("_", ""): name for name in TERM_PARAMETERS} | {"asymmetricunifiedfocal": "unified_focal"}


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
        ValueError: a term that does not exist or comes twice, a first term that cannot segment anything, or a library's
            loss that does not exist or is part of a sum.
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
        if term not in TERM_PARAMETERS:
            pick(KNOWN if len(terms) == 1 else TERM_PARAMETERS, term, what)
    if len(set(terms)) < len(terms):
        raise ValueError(f"{what} {name!r} must name each term once: give the term a larger alpha instead")
    if terms[0] in MARGINAL_TERMS:
        raise ValueError(
            f"{what} {name!r} must begin with a term that compares single pixels or regions, but {terms[0]!r} only "
            f"compares how many pixels each class has: write ce+{terms[0]}"
        )
    return terms


def parameters_of(name: str, what: str = "loss") -> dict[str, Any]:
    """Return the parameters of a sum of terms with their defaults.

    Where the defaults of two terms differ there is none, and it is None; see ``disputed``. A library's loss has the
    mapping ``arguments`` and each of its arguments by its dotted key.

    Raises:
        ValueError: as ``terms_of``.
    """
    terms = terms_of(name, what)
    if is_library(name):
        arguments = own_arguments(terms[0]).items()
        return {"arguments": {}} | {f"arguments.{key}": default for key, default in arguments}
    parameters = dict(COMPOUND_PARAMETERS) if len(terms) > 1 else {}
    for term in terms:
        parameters |= TERM_PARAMETERS[term]
    parameters |= dict.fromkeys(disputed(name))
    if set(terms) <= set(PUBLISHED_TERMS):
        parameters["published"] = False
    return parameters


def disputed(name: str) -> dict[str, dict[str, Any]]:
    """Return parameter → term → default, of the parameters for which terms of the sum have different defaults."""
    defaults: dict[str, dict[str, Any]] = {}
    for term in terms_of(name):
        for key, value in TERM_PARAMETERS.get(term, {}).items():
            defaults.setdefault(key, {})[term] = value
    return {key: values for key, values in defaults.items() if len(set(values.values())) > 1}


def needs_class_pixels(name: str) -> bool:
    """Return whether the loss needs the pixel counts of the training part (``class_pixels`` of ``build_loss``)."""
    return bool(set(terms_of(name)) & set(FREQUENCY_TERMS))


def _canonical_term(term: str) -> str:
    compact = re.sub(r"[\s_-]", "", term.lower())
    return SPELLINGS.get(compact) or SPELLINGS.get(compact.removesuffix("loss")) or term.strip().lower()


ALONE = tuple(term for term in TERM_PARAMETERS if term not in MARGINAL_TERMS)
SUMS = tuple(canonical(name) for name in REGISTRY if "+" in name)
KNOWN: Mapping[str, Mapping[str, Any]] = {name: parameters_of(name) for name in (*ALONE, *SUMS)} | {
    name: {"arguments": {}} for name in LIBRARY_LOSSES
}
"""Terms that stand alone, sums of the registry, losses of libraries → parameters; any other sum can be named, too."""
