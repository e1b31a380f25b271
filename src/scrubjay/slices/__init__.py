"""One slice: open the video, decode once, feed every encoder, store what they make."""
