"""What a stage holds: who wrote which path, over which base image, and of which kind it is."""
