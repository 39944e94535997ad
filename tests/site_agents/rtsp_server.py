"""A real RTSP server for the tests of sources: GStreamer's, run by the system's Python (`/usr/bin/python3 -I`), for Debian packages it so. Prints its port."""

from __future__ import annotations

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PASSWORD = "p#s/s@[é"  # noqa: S105 - of a server that lives for a minute
PICTURE = "videotestsrc is-live=true pattern=ball ! videoscale ! capsfilter name=size caps=video/x-raw,width=320,height=240,framerate=25/1 ! "
H264 = PICTURE + "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 config-interval=-1"
H265 = PICTURE + "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph265pay name=pay0 pt=96 config-interval=-1"
SOUND = "audiotestsrc is-live=true ! audioconvert ! alawenc ! rtppcmapay name=pay0"
GROWN = "video/x-raw,width=640,height=480,framerate=25/1"
GROWS_MS = 1500


def main() -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    server.set_auth(authentication())
    for path, launch, is_open in (("/h264", H264, True), ("/h265", H265, True), ("/grows", H264, True), ("/sound", SOUND, True), ("/secret", H264, False)):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {launch} )")
        factory.set_permissions(permissions(is_open))
        if path == "/grows":
            factory.connect("media-configure", lambda _, media: GLib.timeout_add(GROWS_MS, grow, media.get_element()))
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def authentication() -> GstRtspServer.RTSPAuth:
    """Digest for `admin`; whoever gives no name is "anonymous"."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest("admin", PASSWORD, token("user"))
    auth.set_default_token(token("anonymous"))
    return auth


def token(role: str) -> GstRtspServer.RTSPToken:
    made = GstRtspServer.RTSPToken()
    made.set_string("media.factory.role", role)
    return made


def permissions(is_open: bool) -> GstRtspServer.RTSPPermissions:
    """Everybody sees that a stream is there; who may have it depends."""
    made = GstRtspServer.RTSPPermissions()
    for role in ("anonymous", "user"):
        made.add_role(role)
        made.add_permission_for_role(role, "media.factory.access", True)
        made.add_permission_for_role(role, "media.factory.construct", is_open or role == "user")
    return made


def grow(pipeline: Gst.Bin) -> bool:
    """Go on in another size."""
    pipeline.get_by_name("size").set_property("caps", Gst.Caps.from_string(GROWN))
    return False


if __name__ == "__main__":
    main()
