"""Print how many blocks a study needs under closed testing and under Holm, as a table in Markdown.

    python -m analysis.calibration.blocks_needed                      4,000 studies of each size (1,000 of ten levels)
    python -m analysis.calibration.blocks_needed --simulations 400    fewer

A gain of .013 in the mean IoU of one configuration is to be found with 80 % power, the spread of one score being .0054.
"""

import argparse
import sys

from analysis.calibration.false_claims import GAIN
from analysis.calibration.synthetic import SPREAD
from analysis.statistics.power import needed_blocks, power

CONFIGURATIONS = (2, 3, 5, 10)
SIMULATIONS, POWER = 4000, 0.8


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m analysis.calibration.blocks_needed", description=__doc__)
    parser.add_argument("--simulations", type=int, default=SIMULATIONS, help=f"studies of each size ({SIMULATIONS})")
    parser.add_argument("--configurations", type=int, nargs="*", default=CONFIGURATIONS, metavar="K")
    given = parser.parse_args(arguments)
    print("| configurations | family | Holm | closed testing |\n|---|---|---|---|")
    for k in given.configurations:
        for against_one in (False, True):
            family = "against the default" if against_one else "all pairs"
            cells = [needed(k, against_one, correction, given.simulations) for correction in ("holm", "closed")]
            print(f"| {k} | {family} | {' | '.join(cells)} |", flush=True)
    return 0


def needed(configurations: int, against_one: bool, correction: str, simulations: int) -> str:
    """Return the fewest blocks with the power that they have, and that of one block fewer: ``7 (92 %, 6: 74 %)``."""
    asked = {"sd": SPREAD, "gain": GAIN, "configurations": configurations, "against_one": against_one}
    asked |= {"correction": correction, "simulations": simulations if configurations < 10 else -(-simulations // 4)}
    blocks = int(needed_blocks(power=POWER, **asked)["blocks"].iloc[0])
    here, before = power(blocks=[blocks, blocks - 1], **asked)["power"]
    return f"{blocks} ({100 * here:.0f} %; {blocks - 1}: {100 * before:.0f} %)"


if __name__ == "__main__":
    sys.exit(main())
