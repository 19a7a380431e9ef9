"""xbuild: multi-arch container images at native speed, from the Dockerfile you already have."""

__version__ = "0.1.0"
