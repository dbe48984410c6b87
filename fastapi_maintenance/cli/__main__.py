"""``python -m fastapi_maintenance.cli``."""

from . import main

main()
