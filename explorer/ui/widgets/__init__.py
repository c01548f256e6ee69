"""Widgets of which everything else is made: controls, forms, notices, equations, style."""
