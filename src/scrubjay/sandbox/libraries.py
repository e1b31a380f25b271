"""What a confined Python process must still be able to read: its libraries, not users' files."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

__all__ = ["library_paths", "network_paths"]

_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/urandom")
_SHARED_FOLDERS = (f"{os.sep}site-packages", f"{os.sep}dist-packages")

_NAMES_OF_HOSTS = tuple(
    f"/etc/{name}"
    for name in ("resolv.conf", "hosts", "host.conf", "nsswitch.conf", "gai.conf", "services")
)
_CERTIFICATES = (
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/openssl.cnf",
    "/etc/pki/ca-trust/extracted",
    "/etc/crypto-policies",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)


def library_paths() -> set[str]:
    """Return the folders and files of libraries that this process has loaded, or may load later.

    Folders that also contain other things, such as a script's, are left out, except for the
    packages in them that are loaded.
    """
    standard = os.path.dirname(os.__file__)  # noqa: PTH120  text is needed
    paths = {*_SYSTEM, *_DEVICES, standard, str(Path(sys.base_prefix) / "lib")}
    paths.update(path for path in sys.path if path.endswith("lib-dynload"))
    for name, module in list(sys.modules.items()):
        if "." not in name:
            paths.update(place for place in _paths_of(module) if not place.startswith(standard))
    return paths


def _paths_of(module: ModuleType) -> Iterator[str]:
    places = list(getattr(module, "__path__", None) or ())
    for place in places or [getattr(module, "__file__", None) or ""]:
        parent = place.rpartition(os.sep)[0]
        yield parent if parent.endswith(_SHARED_FOLDERS) else place


def network_paths() -> set[str]:
    """Return what must be readable to resolve a server's name and to verify its certificate."""
    named = {os.environ.get(name, "") for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")} - {""}
    return {*_NAMES_OF_HOSTS, *_CERTIFICATES, *named}
