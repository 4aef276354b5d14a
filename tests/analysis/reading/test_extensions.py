"""Looks before extensions, from the journal of a study to the p of its comparisons."""

import json
from pathlib import Path

import pytest

from analysis import load_study
from analysis.reading.extensions import StudyLook, read_looks
from analysis.reporting.report import write_report
from analysis.study.comparisons import compare_treatments, comparison_rows
from analysis.study.looks import looks_sentence
from rarepix.layout import JOURNAL

KINDS = ("uniform", "copy_paste")


def blocks(*seeds: int) -> list[dict]:
    return [{"seed": seed, "fold": 0} for seed in seeds]


def write_journal(study: Path, *extensions: dict, at_most: int | None = None, planned: int = 6) -> None:
    settings = {"blocks": {"seeds": list(range(planned)), "at_most": at_most}}
    first = {"event": "study", "settings": settings, "blocks": blocks(*range(planned)), "planned": []}
    other = {"event": "look", "configuration": 0, "blocks": 2, "verdict": None}
    lines = [first, other, *({"event": "extend", "configurations": [], "at": "…"} | each for each in extensions)]
    (study / JOURNAL).parent.mkdir(exist_ok=True, parents=True)
    (study / JOURNAL).write_text("".join(json.dumps(line) + "\n" for line in lines))


def trials_of(*seeds: int) -> list[str]:
    return [f"t{seed}{kind}" for seed in seeds for kind in KINDS]


@pytest.fixture
def study(tmp_path, make) -> Path:
    """Two ways of sampling on eight blocks."""
    for seed in range(8):
        for kind in KINDS:
            record = make.record(f"t{seed}{kind}", seed=seed, parameters={"sampling.kind": kind})
            make.add(tmp_path / "s", record)
    return tmp_path / "s"


def test_an_extension_after_a_look_makes_a_look(tmp_path):
    write_journal(tmp_path, {"blocks": blocks(6, 7), "looked": 3, "complete": trials_of(*range(6))})
    looks = read_looks(tmp_path)
    assert looks == (StudyLook(6, None, frozenset(trials_of(*range(6)))), StudyLook(8, None, None))
    assert [look.time for look in looks] == [1, 1]


def test_an_extension_without_a_look_makes_none(tmp_path):
    write_journal(tmp_path, {"blocks": blocks(6, 7), "looked": 0, "complete": trials_of(*range(6))})
    assert read_looks(tmp_path) == ()


def test_a_declared_number_of_blocks_is_the_end_of_time(tmp_path):
    write_journal(
        tmp_path,
        {"blocks": blocks(6, 7), "looked": 1, "complete": ["t"]},
        {"blocks": [], "looked": 0, "complete": ["t"]},
        {"blocks": blocks(8), "looked": 1, "complete": ["t", "u"]},
        at_most=12,
    )
    assert [(look.blocks, look.time) for look in read_looks(tmp_path)] == [(6, 0.5), (8, 8 / 12), (9, 0.75)]
    write_journal(tmp_path, at_most=12)
    assert [look.time for look in read_looks(tmp_path)] == [0.5]
    write_journal(tmp_path, at_most=6)
    assert read_looks(tmp_path) == ()


def test_more_blocks_than_declared_are_all_of_them(tmp_path):
    write_journal(tmp_path, {"blocks": blocks(6, 7), "looked": 1, "complete": []}, at_most=7)
    assert [look.time for look in read_looks(tmp_path)] == [6 / 7, 1]


def test_a_line_that_is_being_written_is_not_read(tmp_path):
    write_journal(tmp_path, {"blocks": blocks(6), "looked": 1, "complete": ["t"]})
    with (tmp_path / JOURNAL).open("a") as journal:
        journal.write('{"event": "extend", "blo')
    assert len(read_looks(tmp_path)) == 2


def test_an_extension_that_cannot_be_read_is_told(study):
    write_journal(study, {"blocks": blocks(6), "complete": ["t"]})
    tables = load_study(study)
    assert tables.looks == ()
    assert "KeyError('looked')" in tables.left_out["reason"].iloc[0]
    assert len(tables.trials) == 16


def test_comparisons_are_of_both_looks(study, undrawn):
    write_journal(study, {"blocks": blocks(6, 7), "looked": 1, "complete": trials_of(*range(6))})
    tables = load_study(study)
    rows = comparison_rows(compare_treatments(tables))
    assert rows["procedure"].str.endswith("level spent over 2 looks (n = 6, 8 pairs), O'Brien-Fleming-like").all()
    assert (rows["n"] == 8).all()
    sentence = (
        "This study was looked at once at 6 blocks and then extended by 2: p of the comparisons are of both looks. "
        "Tables of classes and the second opinion are of the present look alone."
    )
    assert looks_sentence(tables) == sentence
    assert sentence in write_report(tables, study / "report").read_text(encoding="utf-8")


def test_studies_read_as_one_have_no_looks(study, make, tmp_path):
    write_journal(study, {"blocks": blocks(6, 7), "looked": 1, "complete": trials_of(*range(6))})
    make.add(tmp_path / "other", make.record("x", seed=9, parameters={"sampling.kind": "uniform"}))
    tables = load_study([study, tmp_path / "other"])
    assert tables.looks == ()
    assert looks_sentence(tables) is None


def test_a_declaration_is_told_before_any_look(study):
    write_journal(study, at_most=12, planned=8)
    assert looks_sentence(load_study(study)).startswith("This study may grow to 12 blocks and has 8 planned")


def test_several_looks_are_counted(study):
    extensions = [{"blocks": blocks(n), "looked": 1, "complete": trials_of(*range(n))} for n in (6, 7)]
    write_journal(study, *extensions, at_most=12)
    assert looks_sentence(load_study(study)).startswith(
        "This study was looked at twice at 6 and 7 blocks and extended by 2 since: p of the comparisons are of all "
        "3 looks; at most 12 blocks were declared."
    )
