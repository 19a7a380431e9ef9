"""The test bed: an engine, builders, a registry and base images of xbuild's own, for its tests."""
