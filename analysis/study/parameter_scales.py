"""The scale of a parameter, derived from its values: categorical, linear or logarithmic."""

import numpy as np
import pandas as pd

LOG_SPAN = 10
"""Positive values that span less than this factor never get a logarithmic scale."""


def is_numeric(values: pd.Series) -> bool:
    """Return whether all values that are present are numbers; a boolean is not a number."""
    return bool(values.dropna().map(_is_number).all())


def _is_number(value) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)


def better_in_logs(numbers: pd.Series) -> bool:
    """Return whether the median lies nearer to the middle of a logarithmic axis than of a linear one."""
    low, middle, high = numbers.min(), numbers.median(), numbers.max()
    if low <= 0 or high / low < LOG_SPAN:
        return False
    return bool(abs(np.log(middle / low) / np.log(high / low) - 0.5) < abs((middle - low) / (high - low) - 0.5))
