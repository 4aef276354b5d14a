"""The command: which study it takes, what it prints, how it ends; and what it leaves alone."""

import html
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from analysis.__main__ import main
from rarepix.layout import JOURNAL, LOOKS


def test_a_name_under_results(study, capsys, undrawn):
    assert main(["synthetic", "--results", str(study.parent)]) == 0
    printed = capsys.readouterr().out
    assert "Best by validation is trial" in printed
    assert "Best 5 of 8 complete trials" in printed
    assert "cannot be decided" in printed
    assert f"Report: {study}/report/index.html" in printed.splitlines()
    assert (study / "report" / "index.html").is_file()


def test_the_newest_study_is_the_default(make, tmp_path, capsys, undrawn):
    for age, name in ((100, "newer"), (200, "older")):
        make.study(tmp_path / name, 1, broken=False)
        record = tmp_path / name / "trials" / "t000" / "record.json"
        when = record.stat().st_mtime - age
        os.utime(record, (when, when))
    assert main(["--results", str(tmp_path)]) == 0
    assert "newer: 1 complete" in capsys.readouterr().out


def test_a_folder(study, tmp_path, capsys, undrawn):
    assert main([str(study), "--results", str(tmp_path)]) == 0


@pytest.mark.parametrize(("name", "message"), [(None, "there is none yet"), ("x", "got 'x'")])
def test_no_study_is_one_message(tmp_path, capsys, name, message):
    assert main([*([name] if name else []), "--results", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_study_without_records_is_one_message(tmp_path, capsys):
    (tmp_path / "s" / "trials" / "t0").mkdir(parents=True)
    assert main(["s", "--results", str(tmp_path)]) == 1
    assert "no trial has left a record" in capsys.readouterr().err


def test_only_failed_trials_write_a_report_and_exit_with_one(new_study, capsys, undrawn):
    study = new_study(trials=0)
    assert main([str(study)]) == 1
    shown = capsys.readouterr()
    assert "no trial of" in shown.err
    assert "No trial of this study is complete" in shown.out
    assert (study / "report" / "index.html").is_file()


CSV = "loss,seed,miou,val,road\n" + "".join(
    f"{loss},{seed},{0.5 + 0.01 * seed + 0.05 * (loss == 'focal')},{0.6 + 0.01 * seed},0.9\n"
    for loss in ("ce", "focal")
    for seed in range(6)
)
TABLE = ["--configuration", "loss", "--block", "seed", "--score", "miou"]


@pytest.fixture
def runs(tmp_path) -> Path:
    file = tmp_path / "runs.csv"
    file.write_text(CSV)
    return file


def test_a_table_of_runs(runs, tmp_path, capsys, undrawn):
    words = [*TABLE, "--validation", "val", "--classes", "road", "--rare", "road", "--results", str(tmp_path / "r")]
    assert main([str(runs), *words]) == 0
    assert "runs: 12 complete" in capsys.readouterr().out
    assert "focal" in (tmp_path / "r" / "runs" / "report" / "comparisons.csv").read_text()


def test_several_studies_are_one(make, tmp_path, capsys, undrawn):
    for name in ("one", "two"):
        make.study(tmp_path / name, 1, broken=False)
    assert main(["one", "two", "--results", str(tmp_path)]) == 0
    assert "one + two: 2 complete" in capsys.readouterr().out
    assert (tmp_path / "one+two" / "report" / "index.html").is_file()


@pytest.fixture
def database(make, tmp_path) -> Path:
    """An experiment of NNI with one trial, which is complete."""
    events = [(1, "a", "RUNNING", make.given(0, lr=0.1)), (3, "a", "SUCCEEDED", None)]
    return make.database(tmp_path / "x1", events, [(2, "a", "0", "FINAL", 0, {"default": 0.5, "miou": 0.5})])


def test_a_database_of_nni(database, tmp_path, capsys, undrawn):
    assert main([str(database), "--results", str(tmp_path / "r")]) == 0
    assert "made-x1: 1 complete" in capsys.readouterr().out
    assert (tmp_path / "r" / "made-x1" / "report" / "index.html").is_file()


def test_records_of_the_experiment_are_read_with_its_database(make, tmp_path, capsys, undrawn):
    make.study(tmp_path / "r" / "made-x1", 1, broken=False)
    database = make.database(tmp_path / "x1", [(1, "new", "RUNNING", make.given(0, lr=0.1))], [])
    assert main([str(database), "--results", str(tmp_path / "r")]) == 0
    assert "made-x1: 1 complete, 1 running" in capsys.readouterr().out


def test_out_is_where_the_report_goes_unless_something_else_is_there(database, tmp_path, capsys, undrawn):
    for _ in range(2):  # an earlier report is replaced
        assert main([str(database), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "index.html").is_file()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").touch()
    assert main([str(database), "--out", str(precious)]) == 1
    assert "must be new, empty or an earlier report" in capsys.readouterr().err
    assert [file.name for file in precious.iterdir()] == ["thesis.tex"]


def test_a_table_does_not_take_the_report_of_a_study(runs, make, tmp_path, capsys, undrawn):
    make.study(tmp_path / "r" / "runs", 1, broken=False)
    assert main([str(runs), *TABLE, "--results", str(tmp_path / "r")]) == 1
    assert "name another folder with --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{runs}"], "needs --configuration and --score"),
        (["{runs}", "--configuration", "loss"], "needs --configuration and --score"),
        (["{runs}", "{study}", *TABLE], "must be read alone"),
        (["{study}", *TABLE], "--configuration, --block, --score must come with a CSV file"),
        (["--watch", "{study}"], "must be seconds above 0"),
        (["{study}", "--watch", "0"], "must be seconds above 0, but is '0'"),
        (["{study}", "--nonsense"], "unrecognized arguments"),
    ],
)
def test_a_wrong_command_line_is_two(runs, study, capsys, words, message):
    with pytest.raises(SystemExit) as ended:
        main([word.format(runs=runs, study=study) for word in words])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_missing_column_is_one_message(runs, capsys):
    assert main([str(runs), *TABLE[:-1], "mIoU"]) == 1
    error = capsys.readouterr().err
    assert "lacks mIoU: the nearest are miou" in error
    assert len(error.splitlines()) == 1


def test_watching_writes_again_and_ends_with_the_study(database, tmp_path, capsys, undrawn):
    """A trial starts and ends while its experiment is watched; nothing changes after that."""

    def go_on() -> None:
        while not (tmp_path / "out" / "index.html").exists():
            time.sleep(0.05)
        with sqlite3.connect(database) as nni:
            add = "insert into TrialJobEvent (timestamp, trialJobId, event, data) values (?, 'b', ?, ?)"
            nni.execute(add, (5000, "RUNNING", '{"parameter_id": 1, "parameters": {"lr": 0.2}}'))
            nni.execute(add, (6000, "FAILED", None))
        nni.close()

    worker = threading.Thread(target=go_on)
    worker.start()
    assert main([str(database), "--watch", "0.2", "--out", str(tmp_path / "out")]) == 0
    worker.join()
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == "made-x1: 1 complete"
    assert last.endswith("1 database changed: 1 complete, 1 failed; written again")


def test_watching_ends_quietly_at_ctrl_c(new_study, monkeypatch, capsys, undrawn):
    study = new_study(trials=1)  # one of its trials runs for ever

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    assert main([str(study), "--watch"]) == 0
    assert capsys.readouterr().err == ""


def test_a_study_that_has_not_begun_can_be_watched(tmp_path, capsys, undrawn):
    (tmp_path / "s" / "trials").mkdir(parents=True)
    assert main([str(tmp_path / "s"), "--watch", "0.01"]) == 1
    assert "No trial of this study is complete" in capsys.readouterr().out


def run(code: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run *code* in a fresh process; it ends by ``sys.exit`` with what was loaded and should not be, if anything."""
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_neither_torch_nor_nni_is_imported(new_study):
    """Through the whole command."""
    code = """
import sys
from analysis.__main__ import main
from rarepix.layout import JOURNAL, LOOKS
code = main(sys.argv[1:])
loaded = {"torch", "nni", "lightning", "optuna", "matplotlib.pyplot"} & set(sys.modules)
sys.exit(str(loaded) if loaded else code)
"""
    done = run(code, str(new_study(trials=2, broken=False)))
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_loads_nothing_that_draws():
    code = """
import sys, analysis
loaded = {"matplotlib", "plotly", "jinja2", "torch", "nni"} & set(sys.modules)
sys.exit(str(loaded) if loaded else 0)
"""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")


def repeated(page: Path) -> list[str]:
    """Return the words after ``python -m analysis`` of the page's command for writing it again."""
    section = page.read_text().split('id="again"')[1]
    command = next(text for text in re.findall("<pre>(.*?)</pre>", section, re.DOTALL) if "python -m analysis" in text)
    return shlex.split(html.unescape(command))[3:]


@pytest.mark.parametrize(
    "words",
    [
        ["{runs}", *TABLE, "--validation", "val", "--results", "{other}"],
        ["{database}", "--results", "{other}"],
        ["{database}", "--out", "{other}/my report"],
        ["{study}/one", "--results", "{other}"],
        ["one", "two", "--results", "{study}"],
    ],
    ids=["table", "database", "out", "folder", "several"],
)
def test_the_page_names_the_command_that_wrote_it(make, runs, database, tmp_path, undrawn, words):
    for name in ("one", "two"):
        make.study(tmp_path / "r" / name, 1, broken=False)
    places = {"runs": runs, "database": database, "other": tmp_path / "other", "study": tmp_path / "r"}
    given = [word.format(**places) for word in words]
    assert main(given) == 0
    page = next(file for file in tmp_path.glob("**/index.html"))
    again = repeated(page)
    assert again == given
    shutil.rmtree(page.parent)
    assert main(again) == 0
    assert page.is_file()


def test_the_command_of_the_newest_study_names_it(make, tmp_path, monkeypatch, undrawn):
    """Tomorrow the newest may be another one, and another shell may not know the folder of results."""
    make.study(tmp_path / "s", 1, broken=False)
    monkeypatch.setenv("RAREPIX_RESULTS", str(tmp_path))
    assert main(["--watch", "0.01"]) == 0
    assert repeated(tmp_path / "s" / "report" / "index.html") == ["s", "--results", str(tmp_path)]


@pytest.fixture
def searched(make, tmp_path) -> Path:
    """A study with a journal: two ways of sampling on six blocks."""
    for seed in range(6):
        for kind in ("uniform", "copy_paste"):
            make.add(tmp_path / "s", make.record(f"t{seed}{kind}", seed=seed, parameters={"sampling.kind": kind}))
    (tmp_path / "s" / JOURNAL).parent.mkdir()
    (tmp_path / "s" / JOURNAL).write_text('{"event": "study", "settings": {}, "blocks": []}\n')
    return tmp_path / "s"


def test_each_report_is_recorded_as_a_look(searched, tmp_path, undrawn):
    for more in ([], ["--out", str(tmp_path / "elsewhere")]):
        assert main([str(searched), *more]) == 0
    looks = [json.loads(line) for line in (searched / LOOKS).read_text().splitlines()]
    assert [look["complete"] for look in looks] == [12, 12]
    assert datetime.fromisoformat(looks[0]["at"]) <= datetime.fromisoformat(looks[1]["at"])


def test_a_report_without_a_tested_comparison_is_no_look(make, searched, tmp_path, undrawn):
    for seed in range(6):
        shutil.rmtree(searched / "trials" / f"t{seed}copy_paste")
    assert main([str(searched)]) == 0
    assert not (searched / LOOKS).exists()


def test_several_studies_and_studies_without_a_search_have_no_record_of_looks(make, searched, tmp_path, undrawn):
    make.study(tmp_path / "other", 2, broken=False)
    assert main([str(searched), str(tmp_path / "other"), "--results", str(tmp_path)]) == 0
    assert main([str(tmp_path / "other")]) == 0
    assert list(tmp_path.glob(f"*/{LOOKS}")) == []


def test_a_look_that_cannot_be_recorded_is_told_and_the_report_is_written(searched, capsys, undrawn):
    (searched / LOOKS).mkdir()
    assert main([str(searched)]) == 0
    assert (searched / "report" / "index.html").is_file()
    error = capsys.readouterr().err
    assert error == (
        f"analysis: {searched / LOOKS} must be written, but: Is a directory: an extension will not know of this look "
        "at the study\n"
    )


def test_a_place_that_cannot_be_written_is_one_sentence(new_study, tmp_path, capsys, undrawn):
    (tmp_path / "file").touch()
    assert main([str(new_study(trials=1)), "--out", str(tmp_path / "file" / "report")]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"analysis: the report must be written into {tmp_path}/file/report, but: ")
    assert error.endswith(": name a folder that can be written with --out\n")
    assert "Errno" not in error
