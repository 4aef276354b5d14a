"""Drawn pictures with exact labels: textures, painters of objects, landscapes, a camera, and scenes made of them."""
