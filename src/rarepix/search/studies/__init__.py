"""A study's life: start, watch, resume, stop, list, confirm."""
