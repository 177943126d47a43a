"""Write plotly.js once for all interactive figures."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.store import atomic
from plotly.offline import get_plotlyjs

with atomic(snakemake.output.plotly) as part:
    part.write_text(get_plotlyjs(), encoding="utf-8")
