"""The pictures of the documents, drawn by the code that they show: ``make pictures``."""
