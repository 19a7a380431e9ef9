"""Java: native libraries in its archives, and archives of its virtual machine, against a platform."""
