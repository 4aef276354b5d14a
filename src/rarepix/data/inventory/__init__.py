"""The inventory: pixel counts per image and class, integers only. Presence and shares are functions of it."""

from rarepix.data.images import read_image
from rarepix.data.inventory.counting import BORDER, Inventory, examine, inventory_hash, take_inventory
from rarepix.data.masks import read_mask

__all__ = ["BORDER", "Inventory", "examine", "inventory_hash", "read_image", "read_mask", "take_inventory"]
