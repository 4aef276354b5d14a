"""The other machines of a study, reached by SSH: looked at before it starts, and their trials' folders brought home."""
