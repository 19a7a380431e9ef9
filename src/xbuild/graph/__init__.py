"""Dockerfile → StageGraph: stages, the edges between them, and ARG and ENV scopes."""
