"""The search: NNI's side of a study. The only room that imports nni."""
