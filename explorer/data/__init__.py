"""Data: toy distributions, image sets, imports of one's own files, and distances between sets of points."""
