"""The experiment: everything that decides a result, as one immutable value; its defaults, files and diagnostics."""
