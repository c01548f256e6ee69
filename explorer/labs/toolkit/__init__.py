"""What several labs share: captions, densities, arrows, guided runs, pace."""
