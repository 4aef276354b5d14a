"""A trained network on images: windows, flips and scales, and from logits to masks."""
