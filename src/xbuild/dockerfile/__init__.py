"""Text → Dockerfile: a lossless tree in which every byte is owned by exactly one node."""
