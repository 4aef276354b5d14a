"""Numbers as a person reads them."""

import pytest

from analysis.statistics.wording import as_text


@pytest.mark.parametrize(
    ("value", "text"), [(0.00012345, "0.0001234"), (2.0, "2"), (True, "True"), (3, "3"), (1e-7, "1e-07")]
)
def test_parameters_as_text(value, text):
    assert as_text(value) == text
