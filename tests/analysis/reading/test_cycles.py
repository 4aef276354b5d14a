"""That the search for cycles is put off, and goes on: after an error, too, and as it was before."""

import gc

import pytest

from analysis.reading.cycles import no_cycles


@no_cycles()
def searched() -> bool:
    return gc.isenabled()


@no_cycles()
def stop() -> None:
    raise ValueError("stop")


def test_it_is_put_off_and_goes_on():
    assert gc.isenabled()
    assert [searched(), gc.isenabled(), searched(), gc.isenabled()] == [False, True, False, True]
    with pytest.raises(ValueError, match="stop"):
        stop()
    assert gc.isenabled()


def test_where_somebody_else_has_put_it_off_it_stays_so():
    gc.disable()
    try:
        searched()
        assert not gc.isenabled()
    finally:
        gc.enable()
