"""The analysis checked on made-up studies whose truth is known: claims, power, intervals, speed and memory."""
