"""How long pages take to show and to turn in a headless Chromium.

    python tests/benchmarks/browser.py results/figures/minilm/prompts/weekdays-21000/03/pca-within/scatter-3d.html …

Each page is opened from a server on loopback; a script that is added to it on the way turns the cloud (or pans a flat one)
for 60 frames and reports. Without a GPU it is software GL that draws.
"""

import argparse
import http.server
import json
import shutil
import statistics
import subprocess
import tempfile
import threading
from pathlib import Path

PROBE = """<script>
window.addEventListener('error', e => errors.push(e.message)); const errors = [];
const plot = document.getElementById('figure'), frames = [];
async function measure() {
  while (!plot.calcdata) await new Promise(requestAnimationFrame);
  const shown = performance.now(), solid = !!plot.layout.scene, range = solid ? 0 : plot.layout.xaxis.range.slice();
  const draw = async () => { await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame); };
  const camera = solid && plot._fullLayout.scene._scene.camera;
  await draw();
  for (let i = 0, last = performance.now(); i < 60; i++) {
    if (solid) camera.rotate(performance.now(), .02, 0, 0);  // what a dragged pointer does
    else await Plotly.relayout(plot, {'xaxis.range': range.map(x => x + (range[1] - range[0]) * .002 * i)});
    await new Promise(requestAnimationFrame);
    const now = performance.now(); frames.push(now - last); last = now;
    if (now > 60000) break;
  }
  await fetch('/report', {method: 'POST', body: JSON.stringify({shown, scripted, frames, errors})});
}
const scripted = performance.getEntriesByType('resource').find(r => r.name.endsWith('plotly.min.js')).responseEnd;
measure();
</script></body>"""


class Server(http.server.ThreadingHTTPServer):
    """Files of a folder, pages with the probe, and the report that it sends."""

    def __init__(self, root):
        super().__init__(("127.0.0.1", 0), Handler)
        self.root, self.report, self.reported = Path(root), None, threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    """GET a file, POST a report."""

    def do_GET(self):
        """Send a file; the probe goes into pages."""
        file = self.server.root / self.path.lstrip("/")
        if not file.is_file():
            self.send_error(404)
            return
        body = file.read_bytes()
        if file.suffix == ".html":
            body = body.replace(b"</body>", PROBE.encode())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        """Take the report."""
        self.server.report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.reported.set()

    def log_message(self, *_):
        """Say nothing."""


def measure(page, root, chromium):
    """The report of one page: scripted and shown (ms after the navigation began), frames (ms each), errors."""
    server = Server(root)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as profile:
        address = f"http://127.0.0.1:{server.server_port}/{page.resolve().relative_to(server.root.resolve())}"
        options = ["--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
                   "--window-size=1280,860", "--remote-debugging-port=0", f"--user-data-dir={profile}"]  # fmt: skip
        browser = subprocess.Popen([chromium, *options, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not server.reported.wait(180):
                raise SystemExit(f"{page}: no report after three minutes")
        finally:
            browser.terminate()
            browser.wait()
            server.shutdown()
    return server.report


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--root", type=Path, default=Path("results"), help="the results tree, with plotly.js in it")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    print(
        "| page | MB | plotly.js is there (s) | shown (s) | median frame (ms) | longest frame (ms) | errors |\n|---|---|---|---|---|---|---|"
    )
    for page in options.pages:
        r = measure(page, options.root, chromium)
        frames = r["frames"][1:]
        print(f"| {page.parent.name}/{page.name} | {page.stat().st_size / 1e6:.1f} "
              f"| {r['scripted'] / 1000:.2f} | {r['shown'] / 1000:.2f} "
              f"| {statistics.median(frames):.0f} | {max(frames):.0f} | {len(r['errors'])} |")  # fmt: skip


if __name__ == "__main__":
    main()
