"""Drawing: marks, axes, text and layouts by QPainter, SVG and PDF."""
