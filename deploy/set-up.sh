#!/bin/sh
# Sets up the virtual environment, and for the tests the real servers. Says what it does and what is missing.
# usage: set-up.sh demo|test PYTHON VENV
set -eu
what=$1 python=$2 venv=$3

say() { printf '%s\n' "== $*"; }
fail() { printf '%s\n' "!! $*" >&2; exit 1; }

command -v "$python" >/dev/null 2>&1 || fail "no $python here: install Python 3.11 or newer (Debian: apt install python3)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version) is too old: Python 3.11 or newer is needed (or: make $what PYTHON=/path/to/python3.11)"

if [ ! -x "$venv/bin/python" ]; then
  say "making the virtual environment $venv"
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "python3-venv is missing: apt install python3-venv, then make $what again"
  "$python" -m venv "$venv" || fail "the virtual environment could not be made in $venv"
fi

if [ "$what" = test ]; then
  missing=""
  { command -v mosquitto || [ -x /usr/sbin/mosquitto ]; } >/dev/null 2>&1 || missing="$missing mosquitto"
  ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || missing="$missing faketime"
  command -v mosquitto_sub >/dev/null 2>&1 || missing="$missing mosquitto-clients"
  command -v influxd >/dev/null 2>&1 || missing="$missing influxdb"
  command -v victoria-metrics >/dev/null 2>&1 || missing="$missing victoria-metrics"
  command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
  # A real RTSP server with its Python binding, for the tests of cameras; x264enc stands in -ugly.
  /usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0")' 2>/dev/null ||
    missing="$missing python3-gi gir1.2-gst-rtsp-server-1.0"
  for plugins in base:libgstvideotestsrc good:libgstjpeg ugly:libgstx264; do
    ls /usr/lib/*/gstreamer-1.0/"${plugins#*:}".so >/dev/null 2>&1 || missing="$missing gstreamer1.0-plugins-${plugins%:*}"
  done
  command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
  # A modem (its dummy driver), a telephone line, somebody who picks it up, and a voice.
  { command -v gammu-smsd && command -v gammu-smsd-monitor; } >/dev/null 2>&1 || missing="$missing gammu-smsd"
  command -v baresip >/dev/null 2>&1 || missing="$missing baresip-core"
  command -v sipp >/dev/null 2>&1 || missing="$missing sip-tester"
  command -v espeak-ng >/dev/null 2>&1 || missing="$missing espeak-ng"
  [ -d /usr/share/fonts/opentype/noto ] || missing="$missing fonts-noto-cjk"
  # What draws the sheets of walk tests as PDF.
  "$python" -c 'import ctypes; ctypes.CDLL("libpango-1.0.so.0"); ctypes.CDLL("libpangoft2-1.0.so.0")' 2>/dev/null ||
    missing="$missing libpango-1.0-0 libpangoft2-1.0-0"
  if [ -n "$missing" ]; then
    [ "$(id -u)" = 0 ] || fail "the tests need:$missing. Run: sudo apt-get install$missing"
    command -v apt-get >/dev/null 2>&1 || fail "the tests need:$missing (this set-up knows Debian and Ubuntu only)"
    say "installing$missing"
    apt-get update -q
    # The services that these packages bring are not wanted: the tests start their own on free ports.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends $missing
  fi
fi

say "installing the gateway's Python packages ($what); the first time takes a minute or two"
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet --progress-bar off -e ".[$what]" ||
  fail "pip could not install the packages; see above (is the package index reachable?)"
touch "$venv/.$what"
say "ready"
