"""Training: the Lightning module, its callbacks, the optimiser and its schedule, the precision."""
