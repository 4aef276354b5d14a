"""Which configuration is tried next, on which block, and when it is stopped. Knows Optuna, and nothing of NNI."""
