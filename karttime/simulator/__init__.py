"""A race model with known truth that speaks the wire formats."""
