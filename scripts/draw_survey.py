"""Draw the sets of a survey, for one model: their shapes, and the layers in which they are."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import headline, store, survey
from orrery.errors import OrreryError
from orrery.figures import interactive, static
from orrery.figures import survey as pictures

asked, made, model = snakemake.input, snakemake.output, snakemake.wildcards.model
files = {
    (facts["source"], facts["concept"]): (columns, facts, layers)
    for (columns, facts), layers in zip(
        (store.read_table(path, "metrics") for path in asked.metrics), asked.activations
    )
}
rows = pictures.in_order([row for row in headline.read(asked.table) if row["model"] == model])
if not rows:
    raise OrreryError("run.samples: no set has labels enough to be asked about; add one of four labels or more.")
placed, curves, facts = [], [], []
for row in rows:
    columns, about, layers = files[row["source"], row["concept"]]
    placed.append(survey.placed(store.read_layer(layers, row["layer"]), store.read_samples(layers), about))
    curves.append(survey.curve(columns, row["structure"]))
    facts.append(about)
plotly = interactive.loader(snakemake.params.plotly, asked.get("plotly"), made.shapes[0])
for chart, paths in ((pictures.shapes(rows, placed, facts), made.shapes), (pictures.layers(rows, curves), made.layers)):
    interactive.write_page(interactive.draw(chart), paths[0], plotly)
    static.write_images(static.draw(chart, "page"), paths[1:])
