"""Tests, effects, intervals, corrections, power: functions on tables, which know nothing of studies."""
