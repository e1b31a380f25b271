# What Scrubjay uses of simplejpeg 1.9, which ships no types.
import numpy as np
import numpy.typing as npt

def encode_jpeg(
    image: npt.NDArray[np.uint8],
    quality: int = 85,
    colorspace: str = "RGB",
    colorsubsampling: str = "444",
    fastdct: bool = False,
) -> bytes: ...
def decode_jpeg(data: bytes, colorspace: str = "RGB") -> npt.NDArray[np.uint8]: ...
