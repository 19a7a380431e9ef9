"""New text and platforms → SolveResult; drives buildx."""
