"""What every other package may use: errors, parameters, registries, files, background jobs."""
