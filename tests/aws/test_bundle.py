"""The bundle that both functions are made of, for both processors."""

import re
import struct
import tomllib
from pathlib import Path

import pytest

from localaws.stack import build
from localaws.tools import ROOT, TEMPLATE, program, python, run

_MACHINES = {"x86_64": 62, "arm64": 183}
"""ELF's numbers."""
_GLIBC = (2, 34)
"""Amazon Linux 2023, on which Lambda's Python 3.12 and newer run."""
_MOST_BYTES = 230 << 20
"""Lambda refuses 250 MB."""

_BESIDE = {"pyproject.toml", "uv.lock", ".lock", "bin"}
"""What `sam` copies and uv leaves: a few small files."""
_IMPORT = """
import sys
import scrubjay.aws.{function}, scrubjay.engines.child, scrubjay.places.clouds
print(*sorted({{each.partition(".")[0] for each in sys.modules}}))
print(*(sys.modules[each].__file__ for each in ("av", "obstore", "msgspec", "scrubjay")))
"""


@pytest.fixture(scope="module", params=_MACHINES)
def architecture(request: pytest.FixtureRequest) -> str:
    """Each kind of processor that Lambda has."""
    return str(request.param)


@pytest.fixture(scope="module")
def folder(architecture: str, bundle: Path) -> Path:
    """The bundle for it."""
    if architecture == "x86_64":
        return bundle
    (found,) = (path for path in build(architecture).iterdir() if path.is_dir())
    return found


def _locked() -> dict[str, str]:
    lock = tomllib.loads((TEMPLATE.parent / "bundle" / "uv.lock").read_text())
    return {each["name"]: each["version"] for each in lock["package"] if "version" in each}


def test_libraries_are_for_that_processor_and_lambda(architecture: str, folder: Path) -> None:
    """Every library is of the right machine, and asks for no newer C library than Lambda has."""
    libraries = [path for path in folder.rglob("*") if ".so" in path.name and path.is_file()]
    assert len(libraries) > 50
    for path in libraries:
        data = path.read_bytes()
        assert data[:4] == b"\x7fELF"
        assert struct.unpack("<H", data[18:20])[0] == _MACHINES[architecture], path
        versions = re.findall(rb"GLIBC_(\d+)\.(\d+)", data)
        assert max(((int(a), int(b)) for a, b in versions), default=(0, 0)) <= _GLIBC, path


def test_it_fits(architecture: str, folder: Path) -> None:
    """Unpacked, it keeps a distance from Lambda's limit."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{architecture}: {size / (1 << 20):.0f} MiB unpacked")  # noqa: T201
    assert size < _MOST_BYTES


def test_it_holds_the_core_and_nothing_else(folder: Path) -> None:
    """Scrubjay, the libraries that its core needs, in the versions of the lock, and no others."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bundle = tomllib.loads((TEMPLATE.parent / "bundle" / "pyproject.toml").read_text())
    core = {re.split(r"[<>=]", each)[0] for each in project["dependencies"]}
    core -= set(bundle["tool"]["uv"]["exclude-dependencies"])
    metadata = [path.name.removesuffix(".dist-info") for path in folder.glob("*.dist-info")]
    found = dict(each.rsplit("-", 1) for each in metadata)
    scrubjay = found.pop("scrubjay")
    assert found.keys() == core
    assert found.items() <= _locked().items()
    assert scrubjay
    packages = {path.name.removesuffix(".libs") for path in folder.iterdir()}
    assert {each for each in packages if not each.endswith(".dist-info")} <= (
        core | {"scrubjay"} | _BESIDE
    )


def test_it_holds_this_checkout(folder: Path) -> None:
    """Scrubjay in it is the one of this checkout, byte for byte."""
    ours, theirs = ROOT / "src" / "scrubjay", folder / "scrubjay"
    for path in ours.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert (theirs / path.relative_to(ours)).read_bytes() == path.read_bytes()


def test_python_need_not_compile_it(folder: Path) -> None:
    """It holds what Python compiles, valid whatever unpacking does to the files' times."""
    for package in ("scrubjay", "numpy", "av"):
        (compiled,) = (folder / package / "__pycache__").glob("__init__.*.pyc")
        assert compiled.name == "__init__.cpython-313.pyc"
        assert compiled.read_bytes()[4:8] == b"\x03\0\0\0"  # PEP 552: by the source's hash


@pytest.mark.parametrize("function", ["planner", "worker"])
def test_functions_import_from_it_alone(bundle: Path, function: str) -> None:
    """Beside it, a function and its worker process need what Lambda's image holds, but later."""
    said = run(
        python("image"),
        "-c",
        _IMPORT.format(function=function),
        env={"PYTHONPATH": str(bundle), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=Path("/"),
    )
    modules, files = said.splitlines()
    assert all(Path(each).is_relative_to(bundle) for each in files.split())
    assert not {"boto3", "botocore", "click", "rich", "pytest", "PIL"} & set(modules.split())


def test_lock_is_up_to_date() -> None:
    """The bundle's lock holds what the core asks for today."""
    run(program("uv"), "lock", "--check", cwd=TEMPLATE.parent / "bundle")
