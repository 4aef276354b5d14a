"""Read a study into flat tables: from records, databases of NNI or tidy CSV files."""
