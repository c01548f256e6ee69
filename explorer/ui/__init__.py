"""The window and everything else that knows Qt."""
