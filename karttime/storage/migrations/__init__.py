"""The schema's history for Alembic: one module per step in `versions`; tests keep a database of each age."""
