"""An advisor for tests: it proposes random parameters and logs what it receives into messages.jsonl, a list a line."""

import json
import os
import random
from pathlib import Path
from typing import Any

import nni
from nni.runtime.msg_dispatcher_base import MsgDispatcherBase
from nni.runtime.tuner_command_channel import CommandType


class LoggingAdvisor(MsgDispatcherBase):
    """Stops no trial."""

    def __init__(self) -> None:
        super().__init__()
        self.log("start", {"patch": os.environ.get("RAREPIX_NNI_PRELOAD")})

    def log(self, kind: str, data: Any = None) -> None:
        """Append a line."""
        with Path(os.environ["NNI_CHECKPOINT_DIRECTORY"], "messages.jsonl").open("a") as file:
            file.write(json.dumps([kind, data]) + "\n")

    def handle_initialize(self, data: Any) -> None:
        self.send(CommandType.Initialized, "")

    def handle_request_trial_jobs(self, data: int) -> None:
        for _ in range(data):
            new = {"parameter_id": random.randrange(10**9), "parameters": {"x": random.random()}}
            self.send(CommandType.NewTrialJob, nni.dump({**new, "parameter_source": "algorithm"}))

    def handle_report_metric_data(self, data: dict) -> None:
        self.log("metric", data)

    def handle_trial_end(self, data: dict) -> None:
        self.log("end", data)

    def handle_import_data(self, data: Any) -> None:
        self.log("import", data)

    def handle_add_customized_trial(self, data: Any) -> None:
        self.log("resumed", data)

    def handle_update_search_space(self, data: Any) -> None:
        self.log("space", data)
