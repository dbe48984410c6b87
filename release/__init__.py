"""What a release is made of: `make dist`."""
