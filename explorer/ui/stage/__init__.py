"""The stage: canvases, captions, the timeline."""
