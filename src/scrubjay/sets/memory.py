"""A store in memory, for tests and for programs that pass sets on themselves."""

from itertools import count
from threading import Lock
from time import time

from scrubjay.errors import ObjectNotFoundError

__all__ = ["Memory"]


class Memory:
    """Objects in memory. Threads may share it."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[bytes, int, float]] = {}
        self._versions = count(1)
        self._lock = Lock()

    def put(self, key: str, data: bytes) -> None:
        """Write an object, replacing any of that key."""
        with self._lock:
            self._objects[key] = bytes(data), next(self._versions), time()

    def put_if(self, key: str, data: bytes, version: str) -> bool:
        """Write an object if its version is still that one; return whether it was written."""
        with self._lock:
            if self.version(key) != version:
                return False
            self._objects[key] = bytes(data), next(self._versions), time()
            return True

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            ObjectNotFoundError: the object does not exist.
        """
        return self._found(key)[0]

    def part(self, key: str, start: int, length: int) -> bytes:
        """Return some of an object's bytes.

        Raises:
            ObjectNotFoundError: the object does not exist.
        """
        return self._found(key)[0][start : start + length]

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the names of the objects and of the folders in one folder."""
        begin = f"{folder}/" if folder else ""
        rests = [key.removeprefix(begin) for key in self.sizes(folder)]
        files = [rest for rest in rests if "/" not in rest]
        return files, list({rest.partition("/")[0] for rest in rests if "/" in rest})

    def version(self, key: str) -> str:
        """Return the version of an object, which changes with each write; "" if it is missing."""
        found = self._objects.get(key)
        return str(found[1]) if found else ""

    def age(self, key: str) -> float:
        """Return how many seconds ago an object was written."""
        return time() - self._found(key)[2]

    def delete(self, key: str) -> None:
        """Remove an object.

        Raises:
            ObjectNotFoundError: the object does not exist.
        """
        with self._lock:
            self._found(key)
            del self._objects[key]

    def delete_if(self, key: str, version: str) -> None:
        """Remove an object if its version is still that one."""
        with self._lock:
            if self.version(key) == version:
                self._objects.pop(key, None)

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the size in bytes of every object in and below a folder, by key."""
        with self._lock:
            begin = f"{prefix}/" if prefix else ""
            return {
                key: len(data)
                for key, (data, _, _) in self._objects.items()
                if key.startswith(begin)
            }

    def _found(self, key: str) -> tuple[bytes, int, float]:
        try:
            return self._objects[key]
        except KeyError:
            raise ObjectNotFoundError(f"{key} does not exist in the destination") from None
