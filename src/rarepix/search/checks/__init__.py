"""What is checked before a study starts."""
