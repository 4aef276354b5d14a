"""The real ``trials.segment`` with a training of a second or two, whose epochs leave a checkpoint.

It has a helper process, as a trial with loader processes does, and writes each start into ``starts.txt``.
"""

import subprocess
import sys
import time
from pathlib import Path

from rarepix import records
from rarepix.cli import trial
from rarepix.files import write_text
from rarepix.record_splits import ClassCounts
from rarepix.records import ClassPixels, Dataset, Objective, Status, TrialRecord
from rarepix.trial.lifecycle import RunContext, describe_failure, finish_attempt, run_lock, start_attempt, update_record

EPOCHS = 4
SECONDS = 0.4
"""Of an epoch."""
DATASET = Dataset(
    name="none", root="none", inventory_hash="0", split="random", split_file="none", classes=("thing",), rare=(),
    images={"val": 1}, pixels={"val": 2}, contents={"val": {"thing": ClassPixels(images=1, pixels=2)}},
)  # fmt: skip
COUNTS = {"val": {"thing": ClassCounts(tp=1, fp=0, fn=1, tn=0)}}


def run(context: RunContext) -> TrialRecord:
    """Do what ``rarepix.trial.run`` does, without a network."""
    with run_lock(context):
        record = start_attempt(context)
        with (context.folder / "starts.txt").open("a") as starts:
            starts.write(f"{record.attempt}\n")
        helper = subprocess.Popen(["sleep", "600"])
        try:
            return _train(record, context)
        except (KeyboardInterrupt, SystemExit):
            finish_attempt(records.read(context.record_file), context, Status.STOPPED)
            raise
        except Exception as error:
            finish_attempt(records.read(context.record_file), context, Status.FAILED, error=describe_failure(error))
            raise
        finally:
            helper.kill()


def _train(record: TrialRecord, context: RunContext) -> TrialRecord:
    """Epoch: train, validate, note the row of the history, report, save the checkpoint."""
    checkpoint = context.folder / "checkpoints" / "last.txt"
    done = int(checkpoint.read_text()) if checkpoint.is_file() else None
    record = update_record(record, context, dataset=DATASET, resumed_from_epoch=done)
    score = 0.0
    for epoch in range(done or 0, EPOCHS):
        time.sleep(SECONDS)
        score = (epoch + 1) / EPOCHS * record.config["optim"]["lr"]
        with (context.folder / "history.csv").open("a") as history:
            history.write(f"{record.attempt},{epoch}\n")
        context.report({"objective": score})
        write_text(checkpoint, str(epoch + 1))
    return finish_attempt(
        record, context, Status.COMPLETE, objective=Objective(name="miou", value=score, epoch=EPOCHS - 1), counts=COUNTS
    )


def history(folder: Path) -> list[tuple[int, int]]:
    """Return (attempt, epoch) of every trained epoch of a trial."""
    lines = (folder / "history.csv").read_text().splitlines()
    return [(int(attempt), int(epoch)) for attempt, epoch in (line.split(",") for line in lines)]


if __name__ == "__main__":
    trial.run = run
    sys.exit(trial.main("segment"))
