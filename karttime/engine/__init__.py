"""The only place where the parts run: sources, collectors, hub."""
