"""Claims about pairs of levels as an order: ``a above b above c``; where they form none, what each level is above."""

from collections import Counter
from collections.abc import Hashable, Sequence

from analysis.statistics.formatting import as_text, level

Claim = tuple[Hashable, Hashable]
"""(the level that is better, the one that is worse)."""
ABOVE = "above", "below"
"""How the better level lies to the worse one, and the other way round, where more of the score is better."""
NAMED = 3
"""How many levels, or claims, are named before the others are counted."""
TIERS = 6
"""Up to so many tiers an order is written whole."""


def tiers(claims: Sequence[Claim], levels: Sequence) -> list[list] | None:
    """Return *levels* in tiers, the best first, if *claims* order them so; None if they do not.

    They do if every two levels of different tiers have a claim, in that direction, and no two of one tier have one.
    """
    wins = {each: sum(higher == each for higher, _ in claims) for each in levels}
    found = [[each for each in levels if wins[each] == count] for count in sorted(set(wins.values()), reverse=True)]
    pairs = {(a, b) for i, tier in enumerate(found) for later in found[i + 1 :] for a in tier for b in later}
    return found if claims and pairs == set(claims) else None


def order_text(
    claims: Sequence[Claim], levels: Sequence, against: Hashable | None = None, words: tuple[str, str] = ABOVE
) -> str:
    """Return *claims*, the surest first, in words; *levels* are those that could have a claim.

    Args:
        against: the level that all claims are about; None: any pair.
        words: see ``ABOVE``.
    """
    above = f" {words[0]} "
    if against is not None:
        return _around(claims, against, words)
    found = tiers(claims, levels)
    if found:
        names = [names_text(tier, len(levels) - 1) for tier in found]
        if len(found) > TIERS:
            names = [*names[:NAMED], f"{sum(map(len, found[NAMED:]))} others, in order"]
        return above.join(names)
    by_better = Counter(better for better, _ in claims).most_common()
    texts = [
        f"{plain(better)}{above}{_many([worse for winner, worse in claims if winner == better], len(levels) - 1)}"
        for better, _ in by_better
    ]
    return _counted(texts, "more")


def _many(names: Sequence, others: int) -> str:
    if NAMED < len(names) < others:
        return f"{len(names)} of {others} others"
    return names_text(names, others)


def _around(claims: Sequence[Claim], against: Hashable, words: tuple[str, str]) -> str:
    better = [name for name, worse in claims if worse == against]
    worse = [name for better, name in claims if better == against]
    parts = [f"{names_text(names)} {way}" for names, way in zip((better, worse), words, strict=True) if names]
    default = "the default" if against == "default" else f"the default {plain(against)}"
    return f"{' and '.join(parts)} {default}"


def names_text(names: Sequence, all_others: int = 0) -> str:
    """Return ``a, b and c``; of many the first ones and how many more; or ``all 9 others``, if they are so many."""
    if len(names) == all_others and len(names) > NAMED:
        return f"all {len(names)} others"
    return _counted([plain(name) for name in names], "others")


def _counted(texts: Sequence[str], more: str) -> str:
    if len(texts) <= NAMED + 1:
        return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
    return f"{', '.join(texts[:NAMED])} and {len(texts) - NAMED} {more}"


def plain(name: Hashable) -> str:
    """Return a level without quotes, unless it holds a space."""
    return level(name) if " " in str(name) else as_text(name)
