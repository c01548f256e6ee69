"""Export, figures for a paper, About, shortcuts, the clipboard."""
