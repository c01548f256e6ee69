"""Files in the window: documents, recent files, own data, autosave and recovery."""
