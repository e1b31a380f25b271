"""The parts of a cluster that need no worker: addresses, orders, allow-lists, waits, ownership."""

import asyncio
from fractions import Fraction
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace
from postgres import Postgres
from procrastinate import PsycopgConnector
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from psycopg.rows import DictRow, dict_row

from scrubjay.engines.base import Engine, Job
from scrubjay.engines.cluster.allowed import AllowList
from scrubjay.engines.cluster.backoff import Backoff
from scrubjay.engines.cluster.database import Database
from scrubjay.engines.cluster.handler import OrderHandler
from scrubjay.engines.cluster.jobs import OwnJobs, rescue
from scrubjay.engines.cluster.letters import dead_letters, queue_status, reasons, take_out
from scrubjay.engines.cluster.residents import ResidentEngines
from scrubjay.engines.cluster.schema import check_schema, set_up, upgrade
from scrubjay.engines.cluster.tickets import Ticket, job_of, order_of, read_ticket
from scrubjay.engines.cluster.transport import ProcrastinateTransport
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.queue.orders import FinishOrder, Order, SliceOrder, slice_order
from scrubjay.errors import (
    ClusterError,
    DatabaseError,
    EngineError,
    EventError,
    RefusedError,
    RenderError,
    SourceUnavailableError,
    TransportError,
)
from scrubjay.keys import MANIFEST
from scrubjay.model import Manifest, Recipe, Still, decode
from scrubjay.places.place import Place
from scrubjay.planning import make_plan
from scrubjay.sets.state import save_plan
from scrubjay.sets.store import Store

_SET = Place.of("/mnt/previews/movie")

_RECIPE = Recipe(
    slice_length=Fraction(6), animations=(), frames=(Still(width=16),), sheets=(), documents=()
)


def _order(index: int, video: str = "/mnt/films/movie.mp4", where: Place = _SET) -> SliceOrder:
    return SliceOrder(
        video=Place.of(video),
        destination=where,
        plan="plan",
        start=Fraction(0),
        end=Fraction(0),
        index=index,
    )


# -- the database's address


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:S3CRET@/x?host=/nowhere&connect_timeout=1",
        "host=/nowhere user=me password=S3CRET",
        "postgresql://me:S3CRET@host:p0rt/x",
        "postgresql://me:S3CRET@[::/x",
        "password=S3CRET nonsense",
    ],
)
def test_no_message_shows_the_password(address: str) -> None:
    """Whatever is wrong with an address, its password stays out of messages and tracebacks."""
    with pytest.raises(EngineError) as caught:
        check_schema(Database(address))
    chain: list[BaseException] = [caught.value]
    while (before := chain[-1].__cause__ or chain[-1].__context__) is not None:
        if chain[-1].__suppress_context__ and not chain[-1].__cause__:
            break
        chain.append(before)
    assert "S3CRET" not in "".join(f"{each!s}{each!r}" for each in chain)
    assert "S3CRET" not in repr(caught.value)


def test_a_wrong_password_is_not_shown(server: Postgres) -> None:
    """What the server answers is passed on, without the password of the address or environment."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guarded")
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    address = server.url("postgres", "guarded")
    check = "password authentication failed"
    with pytest.raises(DatabaseError, match=check) as caught:
        check_schema(Database(address.replace("guarded@", "guarded:S3CRET@")))
    assert "S3CRET" not in str(caught.value)
    with pytest.raises(ClusterError, match="cluster setup"):
        check_schema(Database(address.replace("guarded@", "guarded:right@")))


def test_what_an_address_leaves_out_the_environment_says(
    queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libpq's own variables work, so that a password need be nowhere else."""
    parts = psycopg.conninfo.conninfo_to_dict(queue)
    for name, part in (("PGHOST", "host"), ("PGDATABASE", "dbname"), ("PGUSER", "user")):
        monkeypatch.setenv(name, str(parts[part]))
    check_schema(Database())


# -- the tables


def test_the_queue_is_set_up_once(server: Postgres) -> None:
    """Before, every use says what to do; afterwards, setting up and upgrading change nothing."""
    database = Database(server.database())
    for use in (check_schema, upgrade, queue_status, dead_letters):
        with pytest.raises(ClusterError, match="run `scrubjay cluster setup` once"):
            use(database)
    assert set_up(database)
    assert not set_up(database)
    assert upgrade(database) == []
    check_schema(database)


def test_tables_of_an_older_version_are_upgraded(server: Postgres) -> None:
    """What the tables lack is noted, so an upgrade makes it, and a worker refuses before."""
    database = Database(server.database())
    set_up(database)
    with database.connect() as connection:
        connection.execute("DROP FUNCTION procrastinate_retry_job_v2")
        connection.execute(
            "DELETE FROM scrubjay_migrations "
            "WHERE name = (SELECT max(name) FROM scrubjay_migrations)"
        )
        names = [row["name"] for row in connection.execute("SELECT name FROM scrubjay_migrations")]
    with pytest.raises(ClusterError, match="scrubjay cluster upgrade"):
        check_schema(database)
    [made] = upgrade(database)
    assert made not in names
    check_schema(database)


def test_tables_of_another_program_are_left_alone(server: Postgres) -> None:
    """Nobody knows what state they are in."""
    database = Database(server.database())
    set_up(database)
    with database.connect() as connection:
        connection.execute("DROP TABLE scrubjay_migrations")
    with pytest.raises(ClusterError, match="another program made"):
        set_up(database)


# -- orders


def test_an_order_travels_and_comes_back() -> None:
    """What a worker reads is what was sent, but for what it knows better itself."""
    sent = _order(3, "s3://films/a b.mp4", Place.of("s3://previews/a", endpoint="https://minio"))
    sent = replace(sent, video=replace(sent.video, etag='"1"', stream=1, url="https://signed?x"))
    job = job_of(sent)
    assert job.priority == -3
    assert "signed" not in repr(job)
    assert "minio" not in repr(job)
    read = order_of(read_ticket(job.task_kwargs), endpoint="https://own", public_only=True)
    assert isinstance(read, SliceOrder)
    assert (read.index, read.plan) == (3, "plan")
    own = Place(address="s3://films/a b.mp4", endpoint="https://own", public_only=True)
    assert read.video == replace(own, etag='"1"', stream=1)
    assert read.destination == replace(own, address="s3://previews/a")
    finish = FinishOrder(video=sent.video, destination=sent.destination, plan="plan")
    assert job_of(finish).priority > job.priority
    assert isinstance(order_of(read_ticket(job_of(finish).task_kwargs)), FinishOrder)


@pytest.mark.parametrize(
    "order",
    [
        _order(0, "https://cdn.example/movie.mp4?token=S3CRET"),
        _order(0, "https://me:S3CRET@cdn.example/movie.mp4"),
        replace(_order(0), destination=None),
    ],
)
def test_no_secret_travels(order: Order) -> None:
    """An address with a user, a password or a query is not sent, and not shown either."""
    with pytest.raises(ClusterError) as caught:
        job_of(order)
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"index": -1},
        {"index": "0"},
        {"video": ""},
        {"video": "ftp://x/y"},
        {"video": "https://x/y?token=1"},
        {"destination": None},
        {"plan": 7},
    ],
)
def test_a_job_that_is_no_order_is_refused(changed: dict[str, object]) -> None:
    """Anybody with the database's password can write jobs."""
    with pytest.raises(EventError):
        order_of(read_ticket(job_of(_order(0)).task_kwargs | changed))


# -- the allow-list


@pytest.mark.parametrize(
    ("video", "is_allowed"),
    [
        ("/mnt/films/a.mp4", True),
        ("/mnt/films/deep/a.mp4", True),
        ("/mnt/films/../secret/a.mp4", False),
        ("/mnt/films2/a.mp4", False),
        ("/mnt", False),
        ("s3://films/a.mp4", True),
        ("s3://films-2/a.mp4", False),
        ("s3://films/../x", False),
        ("gs://films/a.mp4", False),
        ("https://cdn.example/films/a.mp4", True),
        ("https://CDN.example/films/a.mp4", True),
        ("https://cdn.example/films/%2e%2e/a.mp4", False),
        ("https://cdn.example/filmsa.mp4", False),
        ("https://cdn.example:444/films/a.mp4", False),
        ("http://cdn.example/films/a.mp4", False),
    ],
)
def test_only_allowed_places_are_used(video: str, is_allowed: bool) -> None:  # noqa: FBT001
    """A prefix ends at a slash, and no way out of it is followed."""
    prefixes = ["/mnt/films", "/mnt/previews/", "s3://films", "https://cdn.example/films/"]
    allowed = AllowList(prefixes)
    AllowList().check(_order(0, video))
    if is_allowed:
        allowed.check(_order(0, video))
        with pytest.raises(RefusedError, match="destination /etc/x: it is not below /mnt/films"):
            allowed.check(_order(0, video, Place.of("/etc/x")))
    else:
        with pytest.raises(RefusedError, match="may not use the video"):
            allowed.check(_order(0, video))


def test_a_link_leads_out_of_no_folder(tmp_path: Path) -> None:
    """What a link points to has to be allowed."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    order = _order(0, str(tmp_path / "in" / "link" / "a.mp4"), Place.of(tmp_path / "in"))
    with pytest.raises(RefusedError):
        AllowList([str(tmp_path / "in")]).check(order)


# -- waits


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    """With jitter, so that a store that comes back is not asked by all at once."""
    backoff = Backoff()
    for failures, longest in ((1, 10), (2, 20), (3, 40), (7, 640), (8, 900), (10**6, 900)):
        waits = [backoff.seconds(failures) for _ in range(100)]
        assert longest / 2 <= min(waits) < max(waits) <= longest


# -- sending


def test_orders_are_sent_once(server: Postgres) -> None:
    """What waits is not sent again; dead letters make way; sets do not mix."""
    database = Database(server.database())
    set_up(database)
    transport = ProcrastinateTransport(database)
    other = Place.of("/mnt/previews/other")
    transport.send([_order(index) for index in range(3)])
    transport.send([_order(index) for index in range(4)] + [_order(0, where=other)])
    assert queue_status(database).waiting == 5
    assert queue_status(database, other).waiting == 1
    with database.connect() as connection:
        connection.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE priority = -1")
    assert dead_letters(database)[0].index == 1
    assert reasons(database, _SET, "plan").keys() == {1}
    assert reasons(database, _SET, "another plan") == {}
    transport.send([_order(1)])
    assert (queue_status(database).waiting, queue_status(database).dead) == (5, 0)
    assert take_out(database, _SET) == 4
    assert queue_status(database).waiting == 1


def test_orders_are_refused_together(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that stays away has taken none of them."""
    monkeypatch.setattr("scrubjay.engines.cluster.transport._WAITS", ())
    away = server.url("postgres").replace(str(server.folder), "/nowhere")
    with pytest.raises(TransportError) as caught:
        ProcrastinateTransport(Database(away)).send([_order(0), _order(1)])
    assert caught.value.refused == {0, 1}


def test_a_small_film_does_not_wait_for_a_large_one(server: Postgres) -> None:
    """Slices of one number come before those of the next, whichever film was first."""
    database = Database(server.database())
    set_up(database)
    small = Place.of("/mnt/previews/small")
    finish = FinishOrder(video=Place.of("/mnt/films/a.mp4"), destination=_SET, plan="plan")
    for orders in ([_order(n) for n in range(40)], [_order(n, where=small) for n in range(3)]):
        ProcrastinateTransport(database).send(orders)
    ProcrastinateTransport(database).send([finish])
    taken = asyncio.run(_fetched(database, 8))
    assert [each.index for each in taken] == [None, 0, 0, 1, 1, 2, 2, 3]
    assert [each.destination for each in taken].count(small.address) == 3


async def _fetched(database: Database, count: int) -> list[Ticket]:
    connector = PsycopgConnector(conninfo=database.conninfo, min_size=1, max_size=1)
    await connector.open_async()
    try:
        jobs = OwnJobs(connector)
        return [read_ticket((await _taken(jobs))[1].task_kwargs) for _ in range(count)]
    finally:
        await connector.close_async()


# -- who a job belongs to


def test_a_worker_ends_only_its_own_jobs(server: Postgres) -> None:
    """After a rescue, the first worker can neither end, nor retry, nor blame the job."""
    database = Database(server.database())
    set_up(database)
    ProcrastinateTransport(database).send([_order(0)])
    asyncio.run(_lost_and_found(database))
    assert queue_status(database) == replace(queue_status(database), running=0, waiting=0, dead=0)


async def _lost_and_found(database: Database) -> None:
    connector = PsycopgConnector(conninfo=database.conninfo, min_size=1, max_size=2)
    await connector.open_async()
    connection = await psycopg.AsyncConnection[DictRow].connect(
        database.conninfo, autocommit=True, row_factory=dict_row
    )
    try:
        jobs = OwnJobs(connector)
        first, job = await _taken(jobs)
        assert await _rescued(connection) == []
        await connection.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
        )
        assert len(await _rescued(connection)) == 1
        assert await _rescued(connection) == []
        second, taken = await _taken(jobs)
        assert (taken.id, taken.attempts, second != first) == (job.id, 1, True)
        await jobs.finish_job(job, Status.SUCCEEDED, delete_job=True)
        await jobs.retry_job(job)
        assert await jobs.record(job, "RenderError", "late", is_counted=True) is None
        assert queue_status(database).running == 1
        known = await jobs.record(taken, "RenderError", "own", is_counted=True)
        assert known
        assert (known.failures, known.tries) == (2, 1)  # one of them was the loss
        await jobs.finish_job(taken, Status.SUCCEEDED, delete_job=True)
    finally:
        await connection.close()
        await connector.close_async()


async def _taken(jobs: OwnJobs) -> tuple[int, QueuedJob]:
    worker = await jobs.register_worker()
    job = await jobs.fetch_job(["scrubjay"], worker)
    assert job
    return worker, job


async def _rescued(connection: "psycopg.AsyncConnection[DictRow]") -> list[object]:
    """Rescue the jobs of workers that are silent for longer than the server runs, or nearly."""
    asked = "SELECT extract(epoch FROM now() - pg_postmaster_start_time())::float AS age"
    row = await (await connection.execute(asked)).fetchone()
    assert row
    return [*await rescue(connection, seconds=row["age"] * 0.9, backoff=Backoff())]


# -- what a worker does with an order


def test_engines_stay_with_their_videos() -> None:
    """An engine has its video open, so it gets that one's slices; the oldest changes its video."""
    opened: list[InlineEngine] = []

    def open_engine() -> InlineEngine:
        opened.append(InlineEngine())
        return opened[-1]

    engines = ResidentEngines(open_engine, most=2)
    used: list[Engine] = []
    for video in ("a", "b", "a", "b", "c", "b"):
        with engines.lent(video) as engine:
            used.append(engine)
    first, second = opened
    assert used == [first, second, first, second, first, second]
    with engines.lent("b") as one, engines.lent("b") as other:
        assert {id(one), id(other)} == {id(first), id(second)}
    engines.dismiss(idle_seconds=3600)
    assert len(opened) == 2
    engines.dismiss()
    with engines.lent("b") as engine:
        assert engine not in {first, second}


def test_a_slice_that_is_given_up_ends_its_set(small_clip: Path, tmp_path: Path) -> None:
    """What is not tried again becomes a gap with its reason, and the set is published."""
    said: list[str] = []
    engines = ResidentEngines(InlineEngine, most=2)
    handler = OrderHandler(engines, allowed=AllowList([str(tmp_path)]), say=said.append)
    film = tmp_path / "film.mp4"
    film.write_bytes(small_clip.read_bytes())
    source, media, versions = InlineEngine().probe(Place.of(film))
    plan = make_plan(source, media, _RECIPE, versions=versions)
    job = Job(plan, Place.of(film), Store.open(tmp_path / "set"))
    save_plan(job.store, plan)
    order = slice_order(job, 1)
    handler.give_up(order, RenderError("a bug"))
    results = [handler.carry_out(slice_order(job, index)) for index in (0, 1, 0)]
    assert [each.outcome for [each] in results] == ["made", "gap", "already done"]
    assert said == [f"{tmp_path / 'set'}: partial"]
    manifest = decode(job.store.get(MANIFEST), Manifest)
    assert [gap.reason for gap in manifest.gaps] == ["a bug"]
    outdated = replace(order, plan="another")
    assert handler.carry_out(outdated) == []
    handler.give_up(outdated, RenderError("not about this plan"))
    film.rename(tmp_path / "gone.mp4")
    missing = replace(order, video=Place.of(tmp_path / "unmounted" / "film.mp4"))
    with pytest.raises(SourceUnavailableError, match="is not on this machine"):
        handler.carry_out(missing)
