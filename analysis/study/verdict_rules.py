"""Three verdicts on the same two levels, side by side: what the exact test decides, and whether the others agree.

* exact: ``compare``. It alone decides.
* model: ``linear_model``, which assumes normal errors.
* practical: ``equivalence.practical``, whether the difference is large enough to matter.

The last two never overrule the first; what they say is reported beside it. Of these rules the first that fits is used:

1. ``contradiction``: two of them claim opposite directions. What the exact test claims is decided; if it claims
   nothing, nothing is claimed.
2. The exact test claims a direction, which decides:
   ``decided, too small to matter`` if the two are practically equivalent,
   ``decided, not shown by the model`` if the model could tell and shows no difference,
   ``decided, size open`` if it cannot be told whether the difference is large enough to matter,
   ``decided, nothing beside it`` if neither of the others can say anything (unpaired),
   ``decided, confirmed`` otherwise.
3. ``claimed, not decided``: the exact test could have shown a difference and did not; one of the others claims one.
4. ``claimed, cannot be decided``: the same where the exact test cannot decide with so few blocks, or had none.
5. None claims a direction: ``equivalent`` if the two are practically equivalent, ``no difference shown`` if a test that
   could have shown one did not, ``open`` if no test could.
"""

from typing import NamedTuple

HIGHER, LOWER, NOT_SHOWN, NONE = "higher", "lower", "not shown", "none"
CLAIMS = (HIGHER, LOWER)
UNDECIDABLE, UNTESTED = "cannot be decided", "not tested"
EQUIVALENT, CANNOT_TELL = "equivalent", "cannot tell"
EXACT = (HIGHER, LOWER, NOT_SHOWN, UNDECIDABLE, UNTESTED)
MODEL = (HIGHER, LOWER, NOT_SHOWN, NONE)
PRACTICAL = (HIGHER, LOWER, EQUIVALENT, CANNOT_TELL, NONE)

CONTRADICTION = "contradiction"
TOO_SMALL = "decided, too small to matter"
NOT_BY_MODEL = "decided, not shown by the model"
SIZE_OPEN = "decided, size open"
ALONE = "decided, nothing beside it"
CONFIRMED = "decided, confirmed"
CLAIMED = "claimed, not decided"
CLAIMED_UNDECIDABLE = "claimed, cannot be decided"
BOTH_EQUIVALENT = "equivalent"
NO_DIFFERENCE = "no difference shown"
OPEN = "open"
AGREE = {
    CONTRADICTION: "no: opposite",
    TOO_SMALL: "too small to matter",
    NOT_BY_MODEL: "not the model",
    SIZE_OPEN: "yes, size open",
    ALONE: "–",
    CONFIRMED: "yes",
    CLAIMED: "no: not decided",
    CLAIMED_UNDECIDABLE: "exact cannot decide",
    BOTH_EQUIVALENT: "yes",
    NO_DIFFERENCE: "yes",
    OPEN: "–",
}
"""Rule → whether the three verdicts agree, for the table of a question."""


class Verdicts(NamedTuple):
    """What three verdicts say of b against a, in a word each."""

    exact: str
    """One of ``EXACT``."""
    model: str
    """One of ``MODEL``."""
    practical: str
    """One of ``PRACTICAL``."""

    @property
    def rule(self) -> str:
        """Return the rule that fits, see the top of this file."""
        claims = HIGHER in self or LOWER in self
        if HIGHER in self and LOWER in self:
            return CONTRADICTION
        if self.exact in CLAIMS:
            return self._rule_of_decided()
        if claims:
            return CLAIMED if self.exact == NOT_SHOWN else CLAIMED_UNDECIDABLE
        if self.practical == EQUIVALENT:
            return BOTH_EQUIVALENT
        return NO_DIFFERENCE if NOT_SHOWN in (self.exact, self.model) else OPEN

    @property
    def agree(self) -> str:
        """Return whether they agree, for the table of a question; a dash where there is only one of them."""
        return AGREE[OPEN] if self.model == self.practical == NONE else AGREE[self.rule]

    def _rule_of_decided(self) -> str:
        if self.practical == EQUIVALENT:
            return TOO_SMALL
        if self.model == NOT_SHOWN:
            return NOT_BY_MODEL
        if self.practical == CANNOT_TELL:
            return SIZE_OPEN
        return ALONE if self.model == self.practical == NONE else CONFIRMED
