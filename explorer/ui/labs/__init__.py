"""The gallery, the page and the settings of a lab."""
