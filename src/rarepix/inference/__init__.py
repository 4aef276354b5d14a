"""Inference: a trained network on images, in windows and flipped or resized views, and from logits to masks."""
