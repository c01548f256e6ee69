"""Whether a window can be shown, asked before Qt is: where it cannot, Qt ends the process without a word of ours."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from explorer.cli.errors import Failed

#: Seconds in which a display, and a platform of which only a trial tells, must answer.
ANSWER, TRIAL = 5.0, 20.0
#: Platforms of Qt that need nothing but themselves.
ALONE = ("offscreen", "minimal", "vnc")
_TRIAL = (
    "from PySide6.QtGui import QGuiApplication as A; a = A([]); raise SystemExit(a.primaryScreen() is None)"
)


def check() -> None:
    """Raise Failed with the reason where Qt could show no window; leave in QT_QPA_PLATFORM those that can."""
    if sys.platform != "linux":
        return
    named = os.environ.get("QT_QPA_PLATFORM", "")
    wanted = [part for part in named.split(";") if part] or _usual()
    if not wanted:
        raise Failed("there is no display here")
    reasons = [trouble(platform) for platform in wanted]
    if all(reasons):
        raise Failed("; ".join(dict.fromkeys(reasons)))
    if any(reasons):  # Qt might take one that it cannot use
        pairs = zip(wanted, reasons, strict=True)
        os.environ["QT_QPA_PLATFORM"] = ";".join(platform for platform, reason in pairs if not reason)


def _usual() -> list[str]:
    """What Qt tries by itself, as far as the environment names it."""
    there = {"wayland": "WAYLAND_DISPLAY", "xcb": "DISPLAY"}
    return [platform for platform, name in there.items() if os.environ.get(name)]


def trouble(platform: str) -> str:
    """Why Qt cannot show a window on a platform ("xcb", "wayland:..."); "" where nothing is known against it."""
    name = platform.split(":")[0]
    plugins = _plugins()
    if plugins and name not in plugins and not (name.startswith("wayland") and "wayland" in plugins):
        return f"QT_QPA_PLATFORM names {name!r}, and Qt has only {', '.join(sorted(plugins))} here"
    if missing := _missing(plugins.get(name)):
        return missing
    if name == "xcb":
        return _answered("X11", os.environ.get("DISPLAY", ""), _x11)
    if name.startswith("wayland"):
        return _answered("Wayland", os.environ.get("WAYLAND_DISPLAY", ""), _wayland)
    return "" if name in ALONE else _tried(platform)


def _plugins() -> dict[str, Path]:
    """The platforms that Qt has here, and their files. Empty where it is not known."""
    found = find_spec("PySide6")
    places = (found and found.submodule_search_locations) or ()
    folders = [Path(place) / "Qt" / "plugins" / "platforms" for place in places]
    own = os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH", "").split(os.pathsep)
    more = os.environ.get("QT_PLUGIN_PATH", "").split(os.pathsep)
    folders += [Path(p) for p in own if p] + [Path(p) / "platforms" for p in more if p]
    return {file.stem.removeprefix("libq"): file for folder in folders for file in folder.glob("libq*.so")}


def _missing(plugin: Path | None) -> str:
    """Which library of the system a plugin lacks, if it lacks one. (Qt will load the same ones.)"""
    if plugin is None:
        return ""
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        library = str(error).split(":")[0]
        return f"the library {library} is missing, which Qt needs to show a window; install it"
    return ""


def _answered(kind: str, name: str, ask: Callable[[str], str]) -> str:
    """What `ask` says of the display of this name, which may never answer."""
    if not name and kind == "X11":
        return "there is no display here (DISPLAY is not set)"
    said: list[str] = []
    asking = threading.Thread(target=lambda: said.append(ask(name)), name="display", daemon=True)
    asking.start()
    asking.join(ANSWER)
    where = f"the {kind} display {name or 'wayland-0'}"
    why = said[0] if said else "does not answer"
    return f"{where} {why}" if why else ""


def _x11(name: str) -> str:
    """By the library that Qt uses itself: it knows of screens, hosts and cookies."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return ""  # then the plugin has told
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(os.fsencode(name), None)
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return "cannot be reached" if failed else ""


def _wayland(name: str) -> str:
    """By asking the compositor to answer (wl_display.sync), as clients do."""
    if os.environ.get("WAYLAND_SOCKET"):  # a connection that is already open, and can be used once
        return ""
    place = Path(os.environ.get("XDG_RUNTIME_DIR", "")) / (name or "wayland-0")
    request = struct.pack("=III", 1, 12 << 16, 2)  # object 1 is the display; 12 bytes; the answer is object 2
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(place))
            connection.sendall(request)
            return "" if connection.recv(8) else "cannot be reached"
    except (OSError, ValueError):
        return "cannot be reached"


def _tried(platform: str) -> str:
    """By a process of its own: some platforms draw to the bare screen, and only a trial tells."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRIAL], env=os.environ | {"QT_QPA_PLATFORM": platform},
            stdin=subprocess.DEVNULL, capture_output=True, timeout=TRIAL, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return f"Qt's platform {platform} does not start"
    return f"Qt's platform {platform} does not start" if done.returncode else ""
