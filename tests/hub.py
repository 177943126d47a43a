"""A server on loopback that speaks the part of the Hugging Face hub's protocol that a download needs."""

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def serve(repositories, faults=()):
    """Serve {"models/org/name" or "datasets/org/name": folder, or an (HTTP status, X-Error-Code)}; yields the URL."""
    with serving(repositories, faults) as hub:
        yield hub.url


@contextmanager
def serving(repositories, faults=()):
    """As `serve`; yields an object with `url`, `log` (path, range, bytes, authorization of each answer) and `faults`.

    `faults` are what happens to the next requests of file contents, one each: an HTTP status, or "cut" for a connection
    that ends in the middle, or None for none.
    """
    state = SimpleNamespace(url="", log=[], faults=list(faults), lock=threading.Lock())

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self.do_GET()

        def do_POST(self):  # paths-info
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            repository = unquote(self.path).strip("/").removeprefix("api/").partition("/paths-info/")[0]
            folder = repositories[repository]
            self._send(
                200, json.dumps([_entry(folder, folder / p) for p in body["paths"] if (folder / p).exists()]).encode()
            )

        def do_GET(self):
            path = unquote(self.path.partition("?")[0]).strip("/")
            if path.startswith("api/"):
                repository, _, rest = path.removeprefix("api/").partition("/revision/")
                if not rest:
                    repository, _, rest = repository.partition("/tree/")
                revision, _, place = rest.partition("/")
                found = repositories.get(repository, (404, "RepoNotFound"))
                if isinstance(found, Path) and revision not in ("main", COMMIT, ""):
                    found = (404, "RevisionNotFound")
                self._info(repository, found, place)
            elif path.startswith("cdn/"):
                self._content(path.removeprefix("cdn/"))
            else:
                repository, _, rest = path.partition("/resolve/")
                name = rest.partition("/")[2]
                repository = repository if repository.startswith("datasets/") else f"models/{repository}"
                file = Path(repositories.get(repository), name)
                if not file.is_file():
                    return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
                facts = {"ETag": f'"{_oid(file)}"', "X-Repo-Commit": COMMIT, "X-Linked-Size": str(file.stat().st_size)}
                if self.command == "HEAD" or repository.startswith("models/"):
                    if self.command == "GET":
                        state.log.append((name, (0, file.stat().st_size), file.stat().st_size, ""))
                    return self._send(200, file.read_bytes(), facts)
                return self._send(302, b"", {**facts, "Location": f"{state.url}/cdn/{repository}/{name}"})

        def _info(self, repository, found, place):
            if not isinstance(found, Path):
                return self._send(found[0], b"{}", {"X-Error-Code": found[1], "X-Error-Message": found[1]})
            if "/tree/" in self.path:
                every = sorted(f for f in (found / place).rglob("*") if not f.name.startswith(".git"))
                if "recursive=true" not in self.path.lower():
                    every = [f for f in every if f.parent == found / place]
                return self._send(200, json.dumps([_entry(found, f) for f in every]).encode())
            names = sorted(f.relative_to(found).as_posix() for f in found.rglob("*") if f.is_file())
            info = {"id": repository.partition("/")[2], "sha": COMMIT, "siblings": [{"rfilename": n} for n in names]}
            return self._send(200, json.dumps(info).encode())

        def _content(self, path):
            kind, organisation, name, file = path.split("/", 3)
            data = Path(repositories[f"{kind}/{organisation}/{name}"], file).read_bytes()
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            first, last = (int(asked[1]), min(int(asked[2]), len(data) - 1)) if asked else (0, len(data) - 1)
            part, status = data[first : last + 1], 206 if asked else 200
            with state.lock:
                fault = state.faults.pop(0) if state.faults else None
                state.log.append(
                    (file, (first, last + 1), 0 if fault else len(part), self.headers.get("Authorization", ""))
                )
            if isinstance(fault, int):
                return self._send(fault, b"{}", {"X-Error-Code": "GatedRepo"} if fault == 403 else {})
            facts = {"Content-Range": f"bytes {first}-{last}/{len(data)}"} if asked else {}
            return self._send(status, part, facts, cut=fault == "cut")

        def _send(self, status, body, headers=(), cut=False):
            self.send_response(status)
            for key, value in {
                "Content-Length": str(len(body)),
                "Content-Type": "application/json",
                **dict(headers),
            }.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = self.close_connection or cut

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()


def _entry(folder, file):
    path = file.relative_to(folder).as_posix()
    if file.is_dir():
        return {"type": "directory", "path": path, "oid": "0" * 40}
    return {"type": "file", "path": path, "size": file.stat().st_size, "oid": _oid(file)}


def _oid(file):
    """As the hub does it, large files by sha256 and small ones by git's sha1."""
    return hashlib.new("sha256" if file.suffix in (".safetensors", ".bin") else "sha1", file.read_bytes()).hexdigest()
