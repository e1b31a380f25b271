"""Scenarios and prices are checked before anything is simulated; results can be read anywhere."""

import csv
import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_closed_forms import scenario

from scrubjay.errors import PriceError, ScenarioError
from scrubjay.prices.book import load_prices, shipped_prices
from scrubjay.simulation.charts import page
from scrubjay.simulation.model import simulate
from scrubjay.simulation.report import facts
from scrubjay.simulation.rules import RULES, rules_with
from scrubjay.simulation.scenario import load_scenario, shipped_scenarios

_COMMAND = str(Path(sys.executable).parent / "scrubjay")

_GOOD = """
name = "mine"
[arrivals]
films = 3
[engine]
kind = "local"
"""


def _run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
    command = [_COMMAND, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("engine.transprt=sqs", "engine: no field is called transprt; did you mean transport?"),
        ("engine.kind=lambda", "engine.kind: invalid value 'lambda'"),
        ("failures.errors=-0.1", "failures.errors: expected `float` >= 0.0"),
        ("failures.errors=1.5", "failures.errors: expected `float` <= 1.0"),
        ("films.length=-3", "films.length: expected a duration of at least 0, got -3"),
        ("films.length=soon", 'films.length: expected seconds or a duration such as "90s"'),
        ("films.length=0", "films.length: expected more than 0"),
        ("arrivals.kind=poisson", "horizon: it ends before the last video may arrive"),
        ("arrivals.films=0", "arrivals.films: expected `int` >= 1"),
        ("arrivals.hours_of_video=5", "arrivals: set one of films and hours_of_video"),
        ("arrivals.kind=day", "arrivals.curve: a day needs weights"),
        ("horizon=0", "horizon: expected more than 0"),
        ("slices.seconds={kind='lognormal', p50=3}", "slices.seconds: expected lognormal with"),
        ("slices.seconds={kind='lognormal', p50=3, p90=1}", "slices.seconds: expected 0 < p50"),
        ("slices.seconds={kind='normal'}", "slices.seconds"),
        ("films.lengths_file=none.csv", "none.csv: cannot be read"),
        ("name=7", "name: expected `str`, got `int`"),
        ("nothing", "--set nothing: expected FIELD=VALUE"),
        ("name.x=7", "--set name.x=7: name is not a table"),
    ],
)
def test_a_wrong_scenario_is_one_sentence(tmp_path: Path, change: str, told: str) -> None:
    """Whatever is wrong with a field, the text names the file and the field."""
    path = tmp_path / "mine.toml"
    path.write_text(_GOOD)
    changes = [change, "arrivals.period=9d", "horizon=1d"] if "poisson" in change else [change]
    if change.startswith("arrivals.kind=day"):
        changes += ["arrivals.period=1h"]
    with pytest.raises(ScenarioError) as caught:
        load_scenario(str(path), changes)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", "mine.toml: not TOML"),
        ("name = 'x'\n[engine]\nkind='local'", "mine.toml: the scenario: arrivals is missing"),
        (None, "no such file, and no scenario of that name (there are: burst-2021,"),
    ],
)
def test_a_file_that_is_no_scenario_is_one_sentence(
    tmp_path: Path, text: str | None, told: str
) -> None:
    """A file that is missing, not TOML or not whole is named."""
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(str(path))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seconds\n60\nx\n", "line 3: seconds: expected a number, got 'x'"),
        ("seconds\n0\n", "line 2: seconds: expected more than 0"),
        ("length\n60\n", "the first line names no column seconds"),
        ("seconds\n", "no lengths in it"),
    ],
)
def test_a_wrong_file_of_lengths_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    """A CSV file of lengths is checked line by line."""
    (tmp_path / "mine.toml").write_text(_GOOD)
    (tmp_path / "lengths.csv").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(str(tmp_path / "mine.toml"), ["films.lengths_file=lengths.csv"])
    assert told in str(caught.value)


def test_lengths_come_from_a_file(tmp_path: Path) -> None:
    """Videos have the lengths of the file, in turn."""
    (tmp_path / "mine.toml").write_text(_GOOD)
    (tmp_path / "lengths.csv").write_text("title,seconds\na,60\nb,91\n")
    loaded = load_scenario(str(tmp_path / "mine.toml"), ["films.lengths_file=lengths.csv"])
    assert [film.slices for film in simulate(loaded).films] == [2, 4, 2]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("put = 0.000005", ""), "storage: Object missing"),
        (("put = 0.000005", "put = -1"), "storage.put"),
        (('region = "us-east-1"', "region = 1"), "region"),
        (("[storage]", "[storag]"), "storag"),
        (("date =", "date"), "not TOML"),
    ],
)
def test_wrong_prices_are_one_sentence(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    """A price that is missing or negative is named, with its file."""
    text = shipped_prices()["aws-us-east-1"].read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(*change))
    with pytest.raises(PriceError, match=r"mine\.toml") as caught:
        load_prices(str(path))
    assert told.lower() in str(caught.value).lower()


def test_an_unknown_region_is_one_sentence() -> None:
    """Prices of a region that Scrubjay has none of are refused."""
    with pytest.raises(PriceError, match="no prices of that name"):
        simulate(scenario({"kind": "local"}, prices="aws-mars-1"))


@pytest.mark.parametrize("change", ["idle=3", "idle_seconds", "idle_seconds=x", "idle_seconds=-1"])
def test_a_wrong_rule_is_one_sentence(change: str) -> None:
    """A what-if names a rule, and a number of at least 0."""
    with pytest.raises(ScenarioError, match=f"--what-if {change}: expected"):
        rules_with([change])


def test_every_rule_has_its_source() -> None:
    """Rules name where they come from; those that nobody documents say so."""
    for rule in RULES.values():
        assert rule.source
        assert rule.is_certain or "not documented" in rule.source or "http" in rule.source


def test_the_same_seed_gives_the_same_result() -> None:
    """Chance comes from the seed alone; another seed gives another result."""
    changes = ["arrivals.films=3", "failures.errors=0.02", "failures.duplicates=0.02"]
    first, again, other = (
        json.dumps(simulate(load_scenario("new-account", [*changes, f"seed={seed}"])).as_json())
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenarios_run(name: str) -> None:
    """Each scenario that comes with Scrubjay loads; made small, it runs to its end."""
    loaded = load_scenario(name)
    assert loaded.about
    small = ["arrivals.films=2", "films.length=300"]
    if loaded.arrivals.hours_of_video is not None:
        small = ["arrivals.hours_of_video=0.1", "films.length=300"]
    simulated = simulate(load_scenario(name, small))
    assert simulated.totals.films > 0
    assert simulated.is_complete
    assert dict(facts(simulated))["slices"]


def test_the_command_writes_text_json_csv_and_a_page(tmp_path: Path) -> None:
    """One run writes all forms; the page needs no network, and escapes what people wrote."""
    path = tmp_path / "mine.toml"
    path.write_text(_GOOD.replace("mine", "<script>alert(1)</script>"))
    done = _run(
        "simulate", str(path), "--json", "--csv", str(tmp_path / "films.csv"),
        "--html", str(tmp_path / "page.html"), "--set", "films.length=90",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["totals"]["published"] == 3
    assert found["samples"]["fields"][0] == "time"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "films.csv").read_text())))
    assert [row["slices"] for row in rows] == ["3", "3", "3"]
    html = (tmp_path / "page.html").read_text()
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert(1)" not in html
    assert 'src="http' not in html
    assert html.count('id="chart-') >= 5


def test_wrong_input_ends_with_code_2(tmp_path: Path) -> None:
    """A typo and an output that cannot be written are errors of usage."""
    done = _run("simulate", "one-film", "--set", "film=3")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no field is called film; did you mean films?" in done.stderr
    done = _run("simulate", "one-film", "--csv", str(tmp_path / "no" / "such.csv"))
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_ctrl_c_shows_what_was_simulated(tmp_path: Path) -> None:
    """Interrupted, the command writes what it has, says so, and ends with 130."""
    out = tmp_path / "films.csv"
    command = [
        _COMMAND, "simulate", "burst-today", "--set", "arrivals.films=100000",
        "--csv", str(out), "--json",
    ]  # fmt: skip
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        assert process.stderr
        assert b"simulating" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate()
    assert process.returncode == 130, stderr
    assert json.loads(stdout)["was_stopped"] is True
    assert b"stopped" in stderr
    assert out.exists()


def test_a_page_of_nothing_made_has_its_charts() -> None:
    """A simulation in which nothing is made has a page as well."""
    simulated = simulate(
        scenario({"kind": "aws-lambda"}, outages=[{"of": "store", "start": 0, "length": "1d"}])
    )
    assert simulated.totals.made == 0
    assert "never" in page(simulated)
