"""The type checker of the tests (conftest.py installs it): an int may stand for a float, as in Python."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
