"""What a study left, read into flat tables: records, databases of NNI, tidy CSV files."""
