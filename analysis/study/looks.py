"""What a report says of the looks at a study before its extensions."""

from analysis.reading.tables import Tables
from analysis.statistics.formatting import plural


def looks_sentence(tables: Tables) -> str | None:
    """Say over which looks the p of the comparisons are; None where the study is one look."""
    if not tables.looks:
        return None
    *before, present = tables.looks
    if not before:
        return (
            f"This study may grow to {present.at_most} blocks and has {present.blocks} planned: p of the comparisons "
            f"are larger than those of a finished study, so that later looks have their share of the level."
        )
    times = {1: "once", 2: "twice"}.get(len(before), f"{len(before)} times")
    at = " and ".join(str(look.blocks) for look in before)
    added = present.blocks - before[0].blocks
    by = f"extended by {added} since" if len(before) > 1 else f"then extended by {added}" if added else "then extended"
    which = "both looks" if len(before) == 1 else f"all {len(before) + 1} looks"
    sentence = f"This study was looked at {times} at {at} {'block' if at == '1' else 'blocks'} and {by}"
    declared = f"; at most {plural(present.at_most, 'block')} were declared" if present.at_most else ""
    return (
        f"{sentence}: p of the comparisons are of {which}{declared}. "
        "Tables of classes and the second opinion are of the present look alone."
    )
