"""A real RTSP server (gst-rtsp-server), run with the system's Python: one camera with the faults that cameras have.

`python3 rtsp_server.py PORT [--user U --password W --basic] [--pattern P] [--encoder jpeg|h264]`. Paths: /live sends
frames, /stalling sends some for a fifth of a second and then none, /audio has no video.
"""

from __future__ import annotations

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

SOURCE = "videotestsrc is-live=true animation-mode=wall-time pattern={pattern} ! "
CAPS = "video/x-raw,format=I420,width=320,height=240,framerate=10/1"
ENCODERS = {
    "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96",
}


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port")
    arguments.add_argument("--user", default="")
    arguments.add_argument("--password", default="")
    arguments.add_argument("--basic", action="store_true")
    arguments.add_argument("--pattern", default="ball")
    arguments.add_argument("--encoder", choices=ENCODERS, default="jpeg")
    chosen = arguments.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(chosen.port)
    encoder = ENCODERS[chosen.encoder]
    live = SOURCE.format(pattern=chosen.pattern) + CAPS
    paths = {
        "/live": f"( {live} ! {encoder} )",
        "/stalling": f"( {live} ! valve name=gate ! {encoder} )",
        "/audio": "( audiotestsrc is-live=true ! mulawenc ! rtppcmupay name=pay0 pt=0 )",
    }
    for path, launch in paths.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(path == "/live")
        if path == "/stalling":
            factory.connect("media-configure", _stall)
        if chosen.user:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_role("viewer")
            permissions.add_permission_for_role("viewer", "media.factory.access", True)
            permissions.add_permission_for_role("viewer", "media.factory.construct", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(path, factory)
    if chosen.user:
        server.set_auth(_auth(chosen))
    if server.attach(None) == 0:
        sys.exit(f"port {chosen.port} is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


def _stall(_factory: object, media: GstRtspServer.RTSPMedia) -> None:
    """Once it plays, frames come for a fifth of a second: as from a relay whose camera died."""
    gate = media.get_element().get_by_name("gate")

    def on_state(_media: object, state: int) -> None:
        if state == int(Gst.State.PLAYING):
            GLib.timeout_add(200, lambda: gate.set_property("drop", True))

    media.connect("new-state", on_state)


def _auth(chosen: argparse.Namespace) -> GstRtspServer.RTSPAuth:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if chosen.basic:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(chosen.user, chosen.password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(chosen.user, chosen.password, token)
    return auth


if __name__ == "__main__":
    main()
