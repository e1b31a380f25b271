"""The files in `deploy/` are valid where they are used, and so are the commands in them."""

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml
from botocore.session import Session
from botocore.validate import ParamValidator
from find_checkers import CHECKERS
from referencing import Registry, Resource

from scrubjay.cli.main import cli

_DEPLOY = Path(__file__).parents[2] / "deploy"
_ROOT = _DEPLOY.parent
_JOBS = sorted((_DEPLOY / "kubernetes").glob("*.yaml"))
_SCRIPTS = sorted([*_DEPLOY.glob("*/*.sh"), *_DEPLOY.glob("*/*.sbatch")])

Json = dict[str, Any]


@pytest.fixture(scope="session")
def checker() -> Callable[[str], Path]:
    """Return the path of a schema or a linter that `find_checkers` fetches."""

    def checker(name: str) -> Path:
        if not (CHECKERS / name).exists():
            pytest.skip(f"no {name} here: run tests/deploy/find_checkers.py")
        return CHECKERS / name

    return checker


def _check(arguments: list[str]) -> None:
    """Check that `scrubjay` would accept a command line."""
    with click.Context(cli, info_name="scrubjay") as group:
        name, command, rest = cli.resolve_command(group, arguments)
        assert name
        assert command
        command.make_context(name, rest, parent=group)


def _commands_in(found: object) -> Iterator[list[str]]:
    """Yield the arguments of each container."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name in {"args", "command"} and isinstance(value, list):
                yield [str(each) for each in value]
            else:
                yield from _commands_in(value)
    elif isinstance(found, list):
        for each in found:
            yield from _commands_in(each)


@pytest.mark.parametrize("version", ["v1.33.0", "v1.37.0"])
@pytest.mark.parametrize("path", _JOBS, ids=lambda path: path.name)
def test_kubernetes_jobs(path: Path, version: str, checker: Callable[[str], Path]) -> None:
    """They fit Kubernetes' own strict schema, which allows no unknown field."""
    definitions = json.loads(checker(f"{version}/_definitions.json").read_bytes())
    schema = json.loads(checker(f"{version}/job-batch-v1.json").read_bytes())
    registry = Registry[Any]().with_resource(
        definitions["$id"], Resource[Any].from_contents(definitions)
    )
    job = yaml.safe_load(path.read_text())
    validator = jsonschema.Draft202012Validator(schema, registry=registry)
    validator.validate(job)
    job["spec"]["completionsMode"] = "Indexed"
    assert not validator.is_valid(job)


def test_kubernetes_shards_are_counted() -> None:
    """The number of shards is that of indexes, and a pod may not write where it should not."""
    job = yaml.safe_load((_DEPLOY / "kubernetes/slices.yaml").read_text())
    [arguments] = _commands_in(job)
    assert arguments[arguments.index("--shards") + 1] == str(job["spec"]["completions"])
    for path in _JOBS:
        pod = yaml.safe_load(path.read_text())["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in pod["containers"])


def test_cloud_run_job(checker: Callable[[str], Path]) -> None:
    """It fits Google's own description of the API: a discovery document, which is a JSON Schema."""
    schemas = json.loads(checker("run.v1.json").read_bytes())["schemas"]
    definitions = {name: _strict(schema) for name, schema in schemas.items()}
    validator = jsonschema.Draft7Validator(
        {"$ref": "#/definitions/Job", "definitions": definitions}
    )
    job = yaml.safe_load((_DEPLOY / "cloud-run/slices.yaml").read_text())
    validator.validate(job)
    job["spec"]["template"]["spec"]["tasks"] = 3
    assert not validator.is_valid(job)


def _strict(schema: object) -> object:
    """Return a schema of a discovery document as JSON Schema that allows no unknown field."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _strict(each) for name, each in schema.items() if name not in {"id", "format"}}
    if isinstance(found.get("$ref"), str):
        return {"$ref": f"#/definitions/{found['$ref']}"}
    if isinstance(found.get("required"), bool):
        del found["required"]
    if isinstance(schema.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


def test_batch_job_definition() -> None:
    """AWS's botocore accepts it as the parameters of RegisterJobDefinition."""
    definition = json.loads((_DEPLOY / "batch/job-definition.json").read_bytes())
    _check_batch("RegisterJobDefinition", definition)
    with pytest.raises(AssertionError, match="retryStrategies"):
        _check_batch("RegisterJobDefinition", {**definition, "retryStrategies": {}})


def _check_batch(operation: str, parameters: Json) -> None:
    model = Session().get_service_model("batch").operation_model(operation)
    report = ParamValidator().validate(parameters, model.input_shape)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize(
    "path",
    [*_JOBS, _DEPLOY / "cloud-run/slices.yaml", _DEPLOY / "batch/job-definition.json"],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_commands_are_ours(path: Path) -> None:
    """`scrubjay` has the verbs and options that containers are started with."""
    found = list(_commands_in(yaml.safe_load(path.read_text())))
    assert found
    for arguments in found:
        _check(arguments)


@pytest.mark.parametrize("path", _SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_scripts(path: Path, checker: Callable[[str], Path]) -> None:
    """Bash can read them, and ShellCheck has nothing to say."""
    subprocess.run(["bash", "-n", path], check=True)
    done = subprocess.run(
        [checker("shellcheck"), path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[..., list[list[str]]]:
    """Run a script with programs that only write down how they were called."""

    def recorded(*command: str | Path, programs: Mapping[str, str]) -> list[list[str]]:
        folder, log = tmp_path / "bin", tmp_path / "log"
        folder.mkdir()
        for name, then in programs.items():
            note = f'printf "%q " {name} "$@" >>{log}; echo >>{log}'
            (folder / name).write_text(f"#!/usr/bin/env bash\n{note}\n{then}\n")
            (folder / name).chmod(stat.S_IRWXU)
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            command,
            check=True,
            env={**os.environ, "PATH": path, "HOME": str(tmp_path)},
            capture_output=True,
            timeout=120,
        )
        return [shlex.split(line) for line in log.read_text().splitlines()]

    return recorded


_ODD = ("/films/a b's (1).mp4", "/previews/a b's")
"""A video and a destination whose names need quotes."""


def test_slurm_submits_three_steps(recorded: Callable[..., list[list[str]]]) -> None:
    """Slices wait for the plan, and publishing for all slices, whatever became of them."""
    video, destination = _ODD
    script = _DEPLOY / "slurm/submit.sh"
    calls = recorded("bash", script, video, destination, "4", programs={"sbatch": "echo $RANDOM"})
    step = str(_DEPLOY / "slurm/step.sbatch")
    steps = [call[call.index(step) + 1 :] for call in calls]
    assert steps == [
        ["plan", video, "-o", destination],
        ["slices", destination, "--source", video, "--shards", "4"],
        ["publish", destination],
    ]
    for each in steps:
        _check(each)
    assert "--array=1-4" in calls[1]
    assert [any("--dependency=afterok:" in word for word in call) for call in calls] == [
        False,
        True,
        False,
    ]
    assert any("--dependency=afterany:" in word for word in calls[2])


def test_a_slurm_step_is_our_command(recorded: Callable[..., list[list[str]]]) -> None:
    """What Slurm starts runs `scrubjay` with the arguments as they were."""
    step = _DEPLOY / "slurm/step.sbatch"
    calls = recorded("bash", step, "plan", *_ODD, programs={"scrubjay": ""})
    assert calls == [["scrubjay", "plan", *_ODD]]


def test_batch_submits_three_steps(recorded: Callable[..., list[list[str]]]) -> None:
    """Each job has its command, and the array as many children as there are shards."""
    video, destination = _ODD
    script = _DEPLOY / "batch/submit.sh"
    calls = recorded("bash", script, "queue", video, destination, "5", programs={"aws": "echo id"})
    for call in calls:
        assert call[:3] == ["aws", "batch", "submit-job"]
        options = dict(zip(call[3::2], call[4::2], strict=True))
        overrides = json.loads(options["--container-overrides"])
        _check(overrides["command"])
        depends = [{"jobId": "id"}] if "--depends-on" in options else []
        _check_batch(
            "SubmitJob",
            {
                "jobName": options["--job-name"],
                "jobQueue": options["--job-queue"],
                "jobDefinition": options["--job-definition"],
                "containerOverrides": overrides,
                "dependsOn": depends,
            },
        )
    verbs = [
        json.loads(call[call.index("--container-overrides") + 1])["command"][0] for call in calls
    ]
    assert verbs == ["plan", "slices", "publish"]
    assert "size=5" in calls[1]


def test_gnu_parallel(recorded: Callable[..., list[list[str]]]) -> None:
    """Real GNU parallel runs each shard once, with names as they are."""
    if not shutil.which("parallel"):
        pytest.skip("no parallel here: install the package")
    video, destination = _ODD
    script = _DEPLOY / "parallel/previews.sh"
    calls = recorded("bash", script, video, destination, "3", programs={"scrubjay": ""})
    source = ["--source", video]
    assert calls[0] == ["scrubjay", "plan", video, "-o", destination]
    assert sorted(calls[1:-1]) == [
        ["scrubjay", "slices", destination, *source, "--shard", f"{each}/3", "--workers", "1"]
        for each in (1, 2, 3)
    ]
    assert calls[-1] == ["scrubjay", "publish", destination]
    for call in calls:
        _check(call[1:])


def test_the_container_file(checker: Callable[[str], Path]) -> None:
    """Its linter, hadolint, has nothing to say, and the container's user is not root."""
    path = _DEPLOY / "container/Containerfile"
    done = subprocess.run([checker("hadolint"), path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    lines = path.read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 65532:65532"]
    assert any(line.startswith("HEALTHCHECK") for line in lines)


def test_the_container_is_built() -> None:
    """Where a builder and its base image are, it is built, and works read-only, as nobody."""
    path = _DEPLOY / "container/Containerfile"
    [base, *_] = re.findall(r"^FROM (\S+)", path.read_text(), re.MULTILINE)
    builder = shutil.which("docker") or shutil.which("podman")
    pull = [str(builder), "pull", "--quiet", base.replace("${PYTHON}", "3.12")]
    if not builder or subprocess.run(pull, capture_output=True, check=False).returncode:
        return  # it is linted only, as docs/scaling.md says
    build = [builder, "build", "--quiet", "--file", str(path), str(_ROOT)]
    image = subprocess.run(build, check=True, capture_output=True, text=True).stdout.strip()
    run = [builder, "run", "--rm", "--read-only", "--cap-drop", "ALL", image, "--version"]
    assert b"scrubjay" in subprocess.run(run, check=True, capture_output=True).stdout
