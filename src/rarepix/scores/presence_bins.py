"""The bins of presence scores: how sure a network is that a class is in an image, as a logit.

They are equally wide; the first and the last one are open to their outer side. Records keep the number of a bin, so
that a change of these constants needs a new schema.
"""

BINS = 512
HIGHEST = 16.0
"""The logit at which the last bin would end; the first would begin at minus this. 32-bit probabilities reach as far."""
WIDTH = 2 * HIGHEST / BINS
