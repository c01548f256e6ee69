"""The two side columns: cards of settings at the left, charts at the right."""
