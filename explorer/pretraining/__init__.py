"""Making the networks that are shipped."""
