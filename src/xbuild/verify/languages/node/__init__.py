"""Node.js: addons for the C library of what loads them, and files that V8 makes for its own machine."""
