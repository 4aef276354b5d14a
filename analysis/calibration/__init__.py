"""Calibration: the analysis on synthetic studies whose truth is known. Claims, power, intervals, speed and memory."""
