"""Index → manifests → layers → ELF facts → pass or fail per platform."""
