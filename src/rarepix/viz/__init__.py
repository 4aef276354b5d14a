"""Pictures for people: overlays, error maps, contact sheets."""
