"""Measurements: likelihood, convergence, Fokker-Planck, distances, image quality."""
