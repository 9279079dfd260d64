"""Which field means what: evidence from values and their behaviour over time; names count for little."""
