"""Score Explorer: score-based generative modelling through SDEs, as a library and as a window.

Importing this package imports neither Qt nor torch; both load when first used.
"""

__version__ = "0.2.0"
