"""Language plugins: one language, one file."""
