"""Which of FFmpeg's decoders may run.

The wheel has about 500. Most are for formats that nobody uploads, and each one is code that reads
untrusted bytes. This list has what cameras, phones, recorders, editors, browsers, broadcasters and
old archives write, and what the tests decode.
"""

__all__ = ["DECODERS", "may_decode"]

# fmt: off
_VIDEO = (
    # current codecs
    "h264", "hevc", "vvc", "libdav1d", "av1", "vp8", "libvpx", "vp9", "libvpx-vp9", "theora",
    # MPEG and its relatives
    "mpeg1video", "mpeg2video", "mpegvideo", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4", "wmv1",
    "wmv2", "wmv3", "vc1", "h261", "h263", "h263i", "h263p", "flv",
    # On2, Sorenson, RealVideo, Indeo, Cinepak: old sites and discs
    "vp3", "vp4", "vp5", "vp6", "vp6f", "vp6a", "vp7", "svq1", "svq3", "rv10", "rv20", "rv30",
    "rv40", "indeo2", "indeo3", "indeo4", "indeo5", "cinepak", "msvideo1", "msrle", "rpza", "smc",
    "qtrle", "8bps", "cavs", "dirac",
    # series of pictures
    "mjpeg", "mjpegb", "jpeg2000", "png", "apng", "gif", "bmp", "webp", "tiff", "jpegls",
    # cameras and editing
    "prores", "prores_raw", "dnxhd", "dvvideo", "cfhd", "aic", "hap", "speedhq", "hq_hqa", "hqx",
    "notchlc", "pixlet",
    # lossless, and uncompressed
    "ffv1", "ffvhuff", "huffyuv", "hymt", "utvideo", "magicyuv", "lagarith", "cllc", "snow",
    "rawvideo", "v210", "v210x", "v308", "v408", "v410", "r210", "r10k", "avrp", "yuv4", "y41p",
    "cljr", "bitpacked", "wrapped_avframe", "aasc", "loco", "sheervideo", "zlib", "mszh",
    # screens
    "flashsv", "flashsv2", "mss1", "mss2", "tscc2", "camtasia", "camstudio", "zmbv", "fraps",
    "g2m", "qdraw",
)
_AUDIO = (  # opening a file runs them briefly; no sound is ever decoded
    "aac", "aac_latm", "ac3", "eac3", "alac", "amrnb", "amrwb", "dca", "flac", "mlp", "truehd",
    "mp1float", "mp2float", "mp3float", "mp3", "mp2", "opus", "vorbis", "speex", "nellymoser",
    "cook", "sipr", "real_144", "real_288", "qdm2", "wmav1", "wmav2", "wmapro",
    "wmalossless", "wmavoice", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "adpcm_swf", "gsm",
    "gsm_ms", "s302m", "tta", "wavpack",
    "pcm_alaw", "pcm_mulaw", "pcm_bluray", "pcm_dvd", "pcm_s8", "pcm_u8", "pcm_s16be", "pcm_s16le",
    "pcm_s16be_planar", "pcm_s16le_planar", "pcm_s24be", "pcm_s24le", "pcm_s24le_planar",
    "pcm_s32be", "pcm_s32le", "pcm_f32be", "pcm_f32le", "pcm_f64be", "pcm_f64le", "pcm_u16le",
)
# fmt: on

DECODERS = ",".join((*_VIDEO, *_AUDIO))
"""FFmpeg's option `codec_whitelist`: the names of decoders, not of codecs."""


def may_decode(name: str) -> bool:
    """Whether a video decoder may run."""
    return name in _VIDEO
