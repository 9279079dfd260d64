"""Values and pure rules of timing; standard library only."""
