"""Counts first, ratios last: integer confusion counts, and the scores that are functions of them."""
