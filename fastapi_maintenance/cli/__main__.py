"""``python -m fastapi_maintenance.cli``."""

from . import main

if __name__ == "__main__":  # not where a tool merely imports every module
    main()
