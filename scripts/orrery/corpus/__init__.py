"""From files of text to labelled occurrences."""

import os

# mimalloc, Arrow's allocator where there is no jemalloc, is not to give back what the next batch will need, which costs
# a scan a third of its speed. It reads this when pyarrow is imported first.
os.environ.setdefault("MIMALLOC_PURGE_DELAY", "-1")
