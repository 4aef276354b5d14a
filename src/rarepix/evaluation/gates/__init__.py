"""Gates of a trained network: tuned on validation images, with a bound of their false alarms, kept as ``gate.json``.

``bounds`` and ``tuning`` are the statistics, ``features`` and ``passes`` take from a network what they need, ``files``
keeps the result. ``rarepix.gates`` says what a gate is, ``rarepix.inference.gates`` applies it.
"""

from rarepix.evaluation.gates.bounds import false_alarm_bound

__all__ = ["false_alarm_bound"]
