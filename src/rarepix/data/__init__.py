"""From folders to batches: sources, inventory, splits, image weights, samplers, augmentation, loaders."""
