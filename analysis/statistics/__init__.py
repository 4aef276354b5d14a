"""Tests, effects, intervals, corrections, power: functions on tables, independent of studies."""
