"""The report: its folder, its HTML page, and its text for the terminal."""
