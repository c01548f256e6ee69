"""The mathematics: SDEs, time grids, noise, scores, samplers, and the loop that runs them."""
