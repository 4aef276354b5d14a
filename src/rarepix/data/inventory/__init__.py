"""The inventory: pixel counts per image and class, integers only. Presence and shares are functions of it."""

from rarepix.data.inventory.counting import BORDER, Inventory, examine, inventory_hash, take_inventory
from rarepix.data.inventory.masks import read_mask
from rarepix.data.inventory.reading import read_image

__all__ = ["BORDER", "Inventory", "examine", "inventory_hash", "read_image", "read_mask", "take_inventory"]
