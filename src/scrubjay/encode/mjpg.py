"""Stills as JPEG, packed: one file of fragmented MP4 for each slice, a fragment for each picture.

Players of HLS read them through the document `mjpg`, and BIF files are made of them. A set has one
object for each slice then, instead of one for each picture.
"""

from scrubjay.encode.jpeg import encode

__all__ = ["encode"]
