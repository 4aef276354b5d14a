"""Entrances: one script per kind of trial."""
