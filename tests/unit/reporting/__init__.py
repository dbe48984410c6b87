"""The rules by which a process says what it enforces, one after the other."""
