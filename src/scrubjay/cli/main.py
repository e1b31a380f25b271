"""The `scrubjay` command: a verb for each step, one function a verb."""

import sys
from typing import Any

import click

import scrubjay
from scrubjay import pipeline
from scrubjay.cli.aws import aws, engine_for, engine_options
from scrubjay.cli.cluster import cluster, worker
from scrubjay.cli.doctor import doctor
from scrubjay.cli.estimate import estimate
from scrubjay.cli.excerpt import VERBS as EXCERPTS
from scrubjay.cli.exits import ExitCode
from scrubjay.cli.library import LibraryWatcher, is_one_video, library_options, make_all
from scrubjay.cli.many import sharing_options
from scrubjay.cli.options import (
    GroupedCommand,
    address_options,
    grouped,
    output_options,
    recipe_base,
    recipe_from,
    recipe_options,
    settings_options,
    stream_option,
)
from scrubjay.cli.report import end_event, output_failed, reported, say, show
from scrubjay.cli.setup import Setup
from scrubjay.cli.shards import publish, slices
from scrubjay.cli.simulate import simulate
from scrubjay.cli.verify import verify
from scrubjay.cli.watch import watch
from scrubjay.cli.watcher import VideoWatcher
from scrubjay.cli.words import describe_media, describe_plan
from scrubjay.engines.base import Engine
from scrubjay.layouts import LAYOUTS, lay_out, recipe_for, target_for
from scrubjay.model import Plan, Recipe, encode, encode_pretty
from scrubjay.places.place import Place

__all__ = ["cli", "main"]


def main() -> None:
    """Run the command line; with `--json`, a wrong option is a JSON event as well."""
    try:
        raise SystemExit(cli(prog_name="scrubjay", standalone_mode=False))
    except click.ClickException as error:
        if "--json" in sys.argv[1:]:
            end_event("UsageError", error.format_message(), ExitCode.USAGE)
        error.show()
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        say("scrubjay: stopped")
        raise SystemExit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        raise SystemExit(ExitCode.OK) from None
    except OSError as error:  # from printing the help or the version
        output_failed(error.strerror)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n"
    "  scrubjay make movie.mp4 -o previews/\n"
    "  scrubjay probe movie.mp4\n"
    "  scrubjay plan movie.mp4 --slice-length 10",
)
@click.version_option(scrubjay.__version__, message="scrubjay %(version)s")
def cli() -> None:
    """Make the previews that a video player shows on its seek bar."""


@cli.command(
    cls=GroupedCommand,
    short_help="Make the previews of videos, or those that are missing.",
    epilog="\b\nExamples:\n"
    "  scrubjay make movie.mp4 -o previews/\n"
    "  scrubjay make movie.mp4 -o previews/ --slice-length 10 --animation-width 320\n"
    "  scrubjay make movie.mp4 -o previews/ --no-animations --frame-width 640\n"
    "  scrubjay make movie.mp4 -o sheets/ --recipe trickplay\n"
    "  scrubjay make movie.mp4 -o sheets/ --recipe trickplay --layout jellyfin\n"
    "  scrubjay make movie.mp4 -o previews/ --recipe my.toml --json\n"
    "  scrubjay make s3://films/movie.mp4 -o s3://previews/movie\n"
    "  scrubjay make films/ -o previews/ --newer-than 7d\n"
    "  scrubjay make films/ -o previews/ --recipe trickplay --layout jellyfin",
)
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...")
@output_options
@grouped(
    "Output",
    "--layout",
    "layouts",
    multiple=True,
    type=click.Choice([*LAYOUTS]),
    help="Also put the files where another program finds them: jellyfin and emby beside each "
    "video; reference in its set, under the names of the serverless GIF generator. Can be "
    "repeated.",
)
@grouped(
    "Output",
    "--replace-layout",
    is_flag=True,
    help="Replace what is there already, such as pictures that a media server made.",
)
@sharing_options
@library_options
@stream_option
@recipe_base
@recipe_options
@engine_options
@settings_options
def make(
    videos: tuple[str, ...],
    output: str,
    *,
    base: str,
    layouts: tuple[str, ...],
    replace_layout: bool,
    as_json: bool,
    quiet: bool,
    **values: Any,  # noqa: ANN401  the recipe's and the settings' own options
) -> None:
    """Make the previews of VIDEO in DIR, or those that are missing.

    VIDEO is a file, or an address that begins with https://, s3://, gs:// or az://. Of several
    videos, of a folder, or of a prefix such as s3://bucket/films/, each video has its own set below
    DIR, under its own path (docs/library.md).
    """
    with reported(as_json=as_json, resumable=True):
        recipe, setup = recipe_from(values, base), Setup(values)
        places = [setup.place(each, stream=values["stream"]) for each in videos]
        if not is_one_video(places, values):
            values |= {"layouts": layouts, "replace_layout": replace_layout}
            many = LibraryWatcher(as_json=as_json, quiet=quiet)
            make_all(places, output, setup, recipe, watcher=many, values=values)
            return
        source, place = places[0], setup.place(output)
        targets = {name: target_for(name, source, place) for name in layouts}
        for name in layouts:
            recipe = recipe_for(recipe, name)
        watcher = VideoWatcher(as_json=as_json, quiet=quiet)
        with setup.engine() as local, engine_for(values, local) as engine, watcher:
            try:
                pipeline.make(
                    source,
                    place,
                    recipe=recipe,
                    engine=engine,
                    on_progress=watcher,
                    remove_stale=values["remove_stale"],
                    strict=setup.settings.strict,
                    clock=values["clock"],
                )
                for name, target in targets.items():
                    lay_out(place, name, target, video=source.name, replace=replace_layout)
            finally:
                watcher.sum_up(output)


@cli.command(
    cls=GroupedCommand,
    short_help="Show what is in a video.",
    epilog="\b\nExamples:\n  scrubjay probe movie.mp4\n"
    "  scrubjay probe https://cdn.example/movie.mp4 --json",
)
@click.argument("video")
@grouped("Output", "--json", "as_json", is_flag=True, help="Write a JSON object instead.")
@stream_option
@settings_options
def probe(video: str, *, as_json: bool, **values: Any) -> None:  # noqa: ANN401
    """Show what is in VIDEO, a file or an https://, s3://, gs:// or az:// address."""
    with reported(as_json=as_json):
        setup = Setup(values)
        place = setup.place(video, stream=values["stream"])
        with setup.engine() as engine:
            media = pipeline.probe(place, engine=engine)
        text = encode_pretty(media) if as_json else describe_media(place.name, media)
        show(text, nl=not as_json)


@cli.command(
    cls=GroupedCommand,
    short_help="Show what would be made from a video, or begin its set.",
    epilog="\b\nExamples:\n"
    "  scrubjay plan movie.mp4 --explain\n"
    "  scrubjay plan movie.mp4 --slice-length 10 --json\n"
    "  scrubjay plan s3://films/movie.mp4 -o s3://previews/movie",
)
@click.argument("video")
@grouped(
    "Output",
    "--output",
    "-o",
    "output",
    metavar="DESTINATION",
    help="Begin the set: save the plan in this folder or bucket, for scrubjay slices.",
)
@grouped(
    "Output",
    "--explain",
    is_flag=True,
    help="Also show how many frames would be read, decoded and skipped, and why.",
)
@grouped("Output", "--json", "as_json", is_flag=True, help="Write the plan as JSON instead.")
@stream_option
@recipe_base
@recipe_options
@settings_options
def plan(
    video: str,
    *,
    base: str,
    output: str | None,
    explain: bool,
    as_json: bool,
    **values: Any,  # noqa: ANN401  the recipe's and the settings' own options
) -> None:
    """Show what would be made from VIDEO, a file or an address, without making it.

    With -o, the plan is also saved. Then make the slices with scrubjay slices, on any number of
    machines, and publish the set with scrubjay publish (docs/scaling.md).
    """
    with reported(as_json=as_json):
        recipe, setup = recipe_from(values, base), Setup(values)
        place = setup.place(video, stream=values["stream"])
        begun = None if output is None else setup.place(output)
        with setup.engine() as engine:
            planned = _planned(place, begun, recipe, engine)
            reading = pipeline.explain(place, planned, engine=engine) if explain else None
        if as_json:
            show(encode_pretty({"plan": planned, "reading": reading} if explain else planned))
        else:
            show(describe_plan(planned, reading))
        if output is not None and not as_json:
            say(
                f"The plan is saved in {output}. Next: scrubjay slices {output} --source {video} "
                f"--shard K/M for each shard, then scrubjay publish {output}"
            )


def _planned(video: Place, output: Place | None, recipe: Recipe, engine: Engine) -> Plan:
    """Plan a video, and begin its set if it has a destination."""
    if output is None:
        return pipeline.plan(video, recipe=recipe, engine=engine)
    from scrubjay.sharding.steps import begin  # noqa: PLC0415  most plans are only looked at

    return begin(video, output, recipe=recipe, engine=engine)


@cli.command(
    cls=GroupedCommand,
    short_help="Remove the files of earlier recipes and videos.",
    epilog="\b\nExamples:\n"
    "  scrubjay prune previews/\n"
    "  scrubjay prune s3://previews/movie --keep-for 86400",
)
@click.argument("destination")
@grouped(
    "Output",
    "--keep-for",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Remove nothing until the current set has been published for this long, because caches "
    "and open pages may still use the set before it.  [default: 0]",
)
@grouped("Output", "--json", "as_json", is_flag=True, help="Write a JSON object instead.")
@address_options
def prune(destination: str, *, keep_for: float, as_json: bool, **values: Any) -> None:  # noqa: ANN401
    """Remove the files of earlier sets from DESTINATION; the current set stays."""
    with reported(as_json=as_json):
        removed = pipeline.prune(Setup(values).place(destination), keep_for=keep_for)
        text = f"Removed {removed} object{'' if removed == 1 else 's'} of earlier sets."
        show(encode({"removed": removed}) if as_json else text)


cli.add_command(slices)
cli.add_command(publish)
cli.add_command(verify)
for _verb in EXCERPTS:
    cli.add_command(_verb)
cli.add_command(watch)
cli.add_command(doctor)
cli.add_command(estimate)
cli.add_command(simulate)
cli.add_command(worker)
cli.add_command(cluster)
cli.add_command(aws)
