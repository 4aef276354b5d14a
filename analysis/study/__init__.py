"""What is asked of a study, and what the answers are: standings, questions, audit, importance, sentences."""
