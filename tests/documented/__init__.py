"""What the documentation of fastapi-maintenance 0.0.5 shows, done by the tests' own programs."""
