"""Why a camera gives no picture: the codes that agents report and the portal words for its readers, with what to do in English."""

from __future__ import annotations

PROBLEMS = {
    "address": "the address cannot be used: check how it is written",
    "no_host": "no machine answers at this address: check address, network and power of the camera",
    "refused": "the machine answers, but not at this port: check the port, and whether the camera's streaming is switched on",
    "tls": "no secure connection comes about: check whether this port speaks TLS (rtsps, https) at all",
    "password": "the camera does not accept user name and password",
    "path": "the camera answers, but has no stream of this path",
    "server": "the camera answers with a failure of its own",
    "timeout": "the camera is reached but sends nothing in time",
    "not_stream": "what answers is no video stream",
    "no_video": "this is sound only: there is no moving picture in it",
    "codec": "the pictures are coded in a way that cannot be decoded here: choose H.264, H.265 or MJPEG at the camera",
    "stalled": "the stream was cut off or sends no more pictures; it is opened again by itself",
    "missing": "there is no such file, folder or device",
    "damaged": "this holds no video that can be decoded: a recording that was cut off before its index was written must be repaired or recorded again",
    "failed": "the camera's source has failed",
}
