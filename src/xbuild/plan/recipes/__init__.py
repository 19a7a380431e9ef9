"""Recipes: what a script, make, just or task runs, and where their files come from."""
