"""The `karttime` command: parse arguments, compose, print."""
