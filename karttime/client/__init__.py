"""A client of the `karttime.v1` stream."""
