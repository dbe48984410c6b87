"""Write the snapshots anew."""

from tests.snapshots import write

write()
