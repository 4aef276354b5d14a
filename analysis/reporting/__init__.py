"""The report, its page, and its text for the terminal."""
