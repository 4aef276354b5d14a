"""What the measurement says of a dataset: both rates, their ratio with its spread, and the second call."""

import re

from bench import inventory


def test_it_says_ratio_spread_and_second_call(tiny_voc, capsys):
    inventory.main(["--root", str(tiny_voc), "--pairs", "3"])
    first, second = capsys.readouterr().out.splitlines()
    found = re.fullmatch(
        r"counting against decoding: ratio ([\d.]+) \(min ([\d.]+), max ([\d.]+), n = 3\); "
        r"([\d.]+) against ([\d.]+) images/s",
        first,
    )
    middle, low, high, *rates = map(float, found.groups())
    assert 0 < low <= middle <= high
    assert min(rates) > 0
    assert re.fullmatch(r"second call: [\d.]+ s against [\d.]+ s for 24 images", second)
