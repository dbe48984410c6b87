"""A real browser without a window, and rules of accessibility, for the operator's page."""
