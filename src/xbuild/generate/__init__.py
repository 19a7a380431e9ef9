"""A folder without a Dockerfile → one that is multi-arch from the start. Files in, texts out."""
