"""What is done to a training image before the network sees it: geometry, crop, paste, colour."""
