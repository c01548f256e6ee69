"""Figures of labs as widgets, pages and files."""
