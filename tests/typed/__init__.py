"""What users write, checked with mypy and pyright in their strictest modes."""
