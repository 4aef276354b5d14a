"""A tuner that dies without a word."""

from pathlib import Path

import pytest

from tests.search.nni.patch.plain import Plain, until

pytestmark = pytest.mark.full


def test_a_tuner_that_is_killed_breaks_the_experiment(plain: Plain) -> None:
    plain.trials_do(steps=1000, pause=0.5)
    plain.create()
    until(lambda: plain.manager.ask("metric-data"))
    for child in plain.process.children(recursive=True):
        if "-m nni " in " ".join(child.cmdline()):
            child.kill()
    until(lambda: plain.manager.status()[0] == "ERROR")
    assert "the tuner or assessor has ended: see dispatcher.log" in (plain.data / "log" / "nnimanager.log").read_text()


def test_a_tuner_that_cannot_be_imported_breaks_the_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NNI waits 10 s for it to connect, whether it lives or not."""
    experiment = Plain(tmp_path, monkeypatch)
    (tmp_path / "listening_advisor.py").write_text("import no_such_module\n")
    experiment.trials_do(steps=1, pause=0)
    experiment.create()
    try:
        until(lambda: experiment.manager.status()[0] == "ERROR")
        assert experiment.manager.status()[1] == ["the tuner or assessor has ended: see dispatcher.log"]
    finally:
        experiment.end()
