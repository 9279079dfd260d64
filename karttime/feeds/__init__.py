"""Wire formats: frames in, updates out. Sans-I/O, no clock, no async."""
