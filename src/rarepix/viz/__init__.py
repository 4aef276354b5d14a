"""Pictures: masks, contact sheets, error maps and charts. Everything here only draws the data that it is given."""
