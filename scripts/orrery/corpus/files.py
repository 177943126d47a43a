"""The files of a corpus: listed once, in order, and opened wherever they lie, on disk or on the hub."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from orrery import store
from orrery.errors import OrreryError
from orrery.hub import hub_reason

RETRIES, TIMEOUT = 3, 30
AHEAD, AHEAD_BYTES = 8, 64 << 20  # ranges of a remote file that are fetched before they are asked for


class File(NamedTuple):
    """A file of a corpus: its name inside the asset, its bytes, and what changes when its content does."""

    name: str
    size: int
    version: str
    path: str = ""
    hub: str = ""  # org/name
    commit: str = ""


def list_files(folder, pattern=None, corpus="corpus"):
    """The files of an asset that match a glob, sorted by name; hidden files, and those in hidden folders, never.

    Raises
    ------
    OrreryError
        No file matches, or the name of one cannot be written down.
    """
    facts = store.read_facts(Path(folder, "asset.json"))
    if "listing" in facts:
        files = [
            File(name, size, version, hub=facts["hub"], commit=facts["commit"])
            for name, size, version in facts["listing"]
        ]
    else:
        paths = sorted(p for p in Path(folder).rglob("*") if p.is_file() and p.name != "asset.json")
        files = [File(p.relative_to(folder).as_posix(), *_stamp(p), str(p)) for p in paths]
    files = sorted(f for f in files if not any(part.startswith(".") for part in f.name.split("/")))
    chosen = [f for f in files if pattern is None or _matches(f.name, pattern)]
    if not chosen:
        held = ", ".join(printable(f.name) for f in files[:3]) + (", …" if len(files) > 3 else "")
        raise OrreryError(
            f"corpora.{corpus}.files: no file of the asset matches {pattern or '*'!r}; it holds {held or 'none'}. "
            "Write a glob that fits."
        )
    for file in chosen:
        if file.name.encode("utf-8", "surrogateescape") != file.name.encode("utf-8", "replace"):
            raise OrreryError(f"corpora.{corpus}.files: the name of {file.name!r} is not UTF-8; give it another one.")
    return chosen


def printable(value, most=40):
    """What a file says, for a message: cut short, and with nothing that a terminal would obey."""
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= most else f"{text[:most]}…")[1:-1]


def _matches(name, pattern):
    return fnmatch(name, pattern) or (pattern.startswith("**/") and fnmatch(name, pattern[3:]))


def _stamp(path):
    status = path.stat()
    return status.st_size, str(status.st_mtime_ns)


def check_unchanged(file, corpus):
    """Raise OrreryError where a local file is not the one that was listed; a commit of the hub cannot change."""
    path = Path(file.path)
    if file.path and (not path.exists() or _stamp(path) != (file.size, file.version)):
        raise OrreryError(f"corpora.{corpus}: {file.name!r} changed while it was read; run again when it is complete.")


def open_file(file, corpus):
    """A readable, seekable binary file, local or remote.

    A file of the hub comes from the standard cache if it is there; else ranges of it are fetched as they are read.
    """
    if file.path:
        return open(file.path, "rb")
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(file.hub, file.name, revision=file.commit, repo_type="dataset")
    return open(cached, "rb") if isinstance(cached, str) else RemoteFile(file, corpus)


class RemoteFile:
    """A file on the hub, read by ranges, with retries. What `expect` announces is fetched ahead."""

    def __init__(self, file, corpus):
        from huggingface_hub import hf_hub_url

        self._file, self._corpus, self._place = file, corpus, 0
        self._url = hf_hub_url(file.hub, file.name, repo_type="dataset", revision=file.commit)
        self._pool, self._announced, self._fetched = ThreadPoolExecutor(4), deque(), {}
        self.closed = False

    def expect(self, ranges):
        """Announce (start, end) ranges in the order in which they will be read."""
        self._announced = deque(ranges)
        self._fill()

    def _fill(self):
        while self._announced and len(self._fetched) < AHEAD:
            start, end = self._announced[0]
            ahead = sum(last - first for first, (last, _) in self._fetched.items())
            if self._fetched and ahead + end - start > AHEAD_BYTES:
                return
            self._announced.popleft()
            self._fetched[start] = (end, self._pool.submit(self._range, start, end))

    def read(self, size=-1):
        """At most `size` bytes: what is left of a range that was announced, if the place lies in one."""
        end = self._file.size if size is None or size < 0 else min(self._place + size, self._file.size)
        start, data = self._place, b""
        for first, (last, future) in self._fetched.items():
            if first <= start < last:
                data = future.result()[start - first : min(end, last) - first]
                if start + len(data) == last:
                    del self._fetched[first]
                    self._fill()
                break
        else:
            data = self._range(start, end) if start < end else b""
        self._place = start + len(data)
        return data

    def _range(self, start, end):
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_backoff

        for _ in range(RETRIES):
            try:
                headers = {**build_hf_headers(), "range": f"bytes={start}-{end - 1}"}
                answer = http_backoff("GET", self._url, headers=headers, timeout=TIMEOUT)
                hf_raise_for_status(answer)
            except Exception as error:
                why = hub_reason(error, self._file.hub, "dataset", self._file.commit)
                raise OrreryError(
                    f"corpora.{self._corpus}: {self._file.name!r} could not be read: {why} "
                    "What was read is kept; run again to go on."
                ) from error
            if len(answer.content) == end - start:
                return answer.content
        raise OrreryError(
            f"corpora.{self._corpus}: {self._file.name!r} of {self._file.hub!r} is not what was listed: "
            f"{len(answer.content)} bytes came for {end - start}. Delete the asset to list it again."
        )

    def seek(self, place, whence=0):
        self._place = place + (0, self._place, self._file.size)[whence]
        return self._place

    def tell(self):
        return self._place

    def size(self):
        return self._file.size

    def readable(self):
        return True

    def seekable(self):
        return True

    def writable(self):
        return False

    def flush(self):
        pass

    def close(self):
        self.closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
