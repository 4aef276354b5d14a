"""Reanalysis of a published study of class imbalance: its tables computed again, and what the same runs can show.

The study (MIT licence): split × sampling × copy-paste on a deliberately thinned Pascal VOC 2012, 10 configurations ×
5 seeds of the split = 50 NNI trials. Its CSV files are read from a folder; they are not part of this project.
"""
