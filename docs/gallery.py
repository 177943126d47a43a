"""Take the pictures of docs/figures.md from the results of docs/examples/gallery.yaml.

    python docs/gallery.py [RESULTS]

Static figures are scaled down; pages are photographed by a headless Chromium.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

DAYS, INTEGERS = "smollm2-135m/prompts/weekdays", "minilm/vocabulary/integers/embed"
PICTURES = {
    "scatter-3d": f"figures/{DAYS}/08/pca-within/scatter-3d.html",
    "scatter-2d": f"figures/{DAYS}/08/pca-within/scatter-2d.png",
    "scatter-2d-dark": f"figures/{DAYS}/08/pca-within/scatter-2d-dark.png",
    "gradient": f"figures/{INTEGERS}/pca/scatter-2d.png",
    "umap": f"figures/{INTEGERS}/umap/scatter-2d.png",
    "many": "figures/minilm/prompts/weekdays-21000/03/pca-within/many.png",
    "digits": f"figures/{INTEGERS}/svd/digits.png",
    "digits-3d": f"figures/{INTEGERS}/svd/digits-3d.html",
    "layers": f"figures/{DAYS}/all/pca-within/layers.png",
    "layers-film": f"figures/{DAYS}/all/pca-within/layers.html",
    "ring": f"figures/{DAYS}/08/circle/ring.png",
    "cosines": f"figures/{DAYS}/08/raw/cosines.png",
    "metrics": f"figures/{DAYS}/all/raw/metrics.png",
    **{name: f"figures/{INTEGERS}/pca/{name}.png" for name in ("grid", "variance", "loadings", "lines", "primes")},
    **{name: f"figures/{INTEGERS}/svd/{name}.png" for name in ("correlation", "pairs", "pair-table")},
    **{name: f"figures/{INTEGERS}/raw/{name}.png" for name in ("steps", "fourier", "fourier-map", "properties",
                                                               "property-bars")},
    **{name: f"comparisons/{name}.png" for name in ("circles", "circles-map", "weekdays-in-models", "trained-or-not",
                                                    "corpus-or-prompts", "twins", "weekdays-alike",
                                                    "weekdays-models")},
    "headline": "headline.png",
}  # fmt: skip
WIDTH = 1000  # pixels


def picture(source, target):
    """Scale one figure down into the docs."""
    with tempfile.TemporaryDirectory() as folder:
        if source.suffix == ".html":
            shot = Path(folder, "page.png")
            photograph(source, shot)
            source = shot
        image = Image.open(source).convert("RGB")
        if image.width > WIDTH:
            image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
        image.quantize(128, method=Image.Quantize.FASTOCTREE).save(target, optimize=True)


def photograph(page, target):
    """What a page shows in Chromium after it has drawn."""
    options = ["--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
               "--hide-scrollbars", "--virtual-time-budget=8000", "--window-size=1280,860"]  # fmt: skip
    command = ["chromium", *options, f"--screenshot={target}", page.resolve().as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    root, images = Path(__file__).parent.parent, Path(__file__).parent / "images"
    results = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "results"
    missing = [path for path in PICTURES.values() if not (results / path).exists()]
    if missing:
        sys.exit(f"{len(missing)} figures are missing, first {missing[0]}; run docs/examples/gallery.yaml.")
    for name, path in PICTURES.items():
        picture(results / path, images / f"{name}.png")
    print(f"{len(PICTURES)} pictures in {images}")
