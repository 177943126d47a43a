"""A file in memory of which only what was written takes room.

HDF5 ends the process where the disk is full as it closes a file. It therefore writes to this one, and Python to the
disk.
"""

import io
import os

from orrery.store.seal import write_at

PAGE = 1 << 16


class SparseFile(io.RawIOBase):
    """A binary file that can be read and written at any place; holes are zeros."""

    def __init__(self):
        self._pages, self._place, self.size = {}, 0, 0

    def seek(self, offset, whence=os.SEEK_SET):
        """Go to a byte; its number."""
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.size}[whence]
        return self._place

    def tell(self):
        """The number of the byte that comes next."""
        return self._place

    def truncate(self, size=None):
        """Give the file a size; it may grow."""
        self.size = self._place if size is None else size
        return self.size

    def write(self, data):
        """Write all of the data; its length."""
        data = memoryview(data).cast("B")
        for start, length, done in self._portions(len(data)):
            page = self._pages.setdefault(start // PAGE, bytearray(PAGE))
            page[start % PAGE : start % PAGE + length] = data[done : done + length]
        self._place += len(data)
        self.size = max(self.size, self._place)
        return len(data)

    def readinto(self, buffer):
        """Fill a buffer as far as the file goes; the number of bytes."""
        wanted = max(0, min(len(buffer), self.size - self._place))
        for start, length, done in self._portions(wanted):
            page = self._pages.get(start // PAGE, bytes(PAGE))
            buffer[done : done + length] = page[start % PAGE : start % PAGE + length]
        self._place += wanted
        return wanted

    def _portions(self, length):
        """(byte, length, bytes before) of each page's part of what begins here."""
        done = 0
        while done < length:
            start = self._place + done
            part = min(length - done, PAGE - start % PAGE)
            yield start, part, done
            done += part

    def save(self, path):
        """Write the file to disk, with its holes."""
        with open(path, "w+b") as file:
            for number, page in sorted(self._pages.items()):
                write_at(file.fileno(), page, number * PAGE)
            file.truncate(self.size)
