"""What ran, kept in SQL through SQLAlchemy."""
