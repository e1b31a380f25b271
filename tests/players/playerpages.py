"""The pages of players that tests open: the snippets of the documentation, unchanged."""

import json

from find_players import BUNDLED, PINNED

from players import Player, snippet_of

__all__ = ["page_of", "version_of"]

_MODULES = {
    "@mux/mux-player": "@mux/mux-player/dist/mux-player.mjs",
    "artplayer": "artplayer/dist/artplayer.mjs",
    "artplayer-plugin-vtt-thumbnail": (
        "artplayer-plugin-vtt-thumbnail/dist/artplayer-plugin-vtt-thumbnail.mjs"
    ),
    "hls.js": "hls.js/dist/hls.min.mjs",
} | {module: f"bundled/{file}.js" for file, modules in BUNDLED.items() for module in modules}
"""The file of each module that a snippet imports, in `node_modules`."""

_WRAPPER = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>body {{ margin: 200px 20px 20px; width: 768px }}</style>
<script type="importmap">{modules}</script>
{snippet}
</html>
"""


def page_of(player: Player) -> str:
    """Write the page of a player: its snippet, unchanged, and where the modules are."""
    modules = {"imports": {name: f"/npm/{path}" for name, path in _MODULES.items()}}
    return _WRAPPER.format(title=player.id, modules=json.dumps(modules), snippet=snippet_of(player))


def version_of(player: Player) -> str:
    """Return the versions of a player's packages."""
    return ", ".join(f"{package} {PINNED[package]}" for package in player.packages)
