"""karttime: the timing proxy and operator's tool for karting."""

__version__ = "0.1.0"
