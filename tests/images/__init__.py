"""Container images without Docker: what a Dockerfile makes, as an archive."""
