"""A server on loopback that speaks the part of the Hugging Face hub's protocol that a download needs."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def serve(repositories):
    """Serve {"models/org/name" or "datasets/org/name": folder, or an (HTTP status, X-Error-Code)}; yields the URL."""

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            path = self.path.partition("?")[0].strip("/")
            if path.startswith("api/"):
                repository, _, rest = path.removeprefix("api/").partition("/revision/")
                if not rest:
                    repository, _, rest = repository.partition("/tree/")
                found = repositories.get(repository, (404, "RepoNotFound"))
                if isinstance(found, Path) and rest not in ("main", COMMIT):
                    found = (404, "RevisionNotFound")
                self._info(repository, found)
            else:
                repository, _, rest = path.partition("/resolve/")
                name = rest.partition("/")[2]
                folder = repositories.get(repository if repository.startswith("datasets/") else f"models/{repository}")
                self._file(Path(folder, name))

        def _info(self, repository, found):
            if not isinstance(found, Path):
                return self._send(found[0], b"{}", {"X-Error-Code": found[1], "X-Error-Message": found[1]})
            names = sorted(f.relative_to(found).as_posix() for f in found.rglob("*") if f.is_file())
            if "/tree/" in self.path:
                listing = [
                    {"type": "file", "path": n, "size": (found / n).stat().st_size, "oid": _oid(found / n)}
                    for n in names
                ]
                return self._send(200, json.dumps(listing).encode())
            info = {"id": repository.partition("/")[2], "sha": COMMIT, "siblings": [{"rfilename": n} for n in names]}
            return self._send(200, json.dumps(info).encode())

        def _file(self, file):
            if not file.is_file():
                return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return self._send(200, file.read_bytes(), {"ETag": f'"{_oid(file)}"', "X-Repo-Commit": COMMIT})

        def _send(self, status, body, headers=()):
            self.send_response(status)
            for key, value in {
                "Content-Length": str(len(body)),
                "Content-Type": "application/json",
                **dict(headers),
            }.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def _oid(file):
    return hashlib.sha1(file.read_bytes()).hexdigest()
