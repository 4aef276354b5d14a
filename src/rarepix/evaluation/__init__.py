"""From a trained network to counts: what is evaluated, and how."""
