"""GIF: palettes, dithering, frame differences and LZW, made for video."""
