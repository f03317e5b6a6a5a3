#!/usr/bin/env bash
# What ./dev demo does once everything is built (as root): server, quick start, end. DEMO_STATE names a state
# directory to use and keep; without it a temporary one is used and removed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv-demo/bin/python

temporary=
if [ -z "${DEMO_STATE:-}" ]; then
  temporary=$(mktemp -d /var/tmp/opensandbox-demo.XXXXXX)
  DEMO_STATE=$temporary/state
fi
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
log=$DEMO_STATE.log
server=

# A quick start that failed leaves its sandbox; nobody would take it over.
delete_sandboxes() {
  "$python" - "$port" <<'PY' 2>/dev/null || true
import json, sys, urllib.request
base = f"http://127.0.0.1:{sys.argv[1]}/v1/sandboxes"
for sandbox in json.load(urllib.request.urlopen(base + "?pageSize=200", timeout=5))["items"]:
    urllib.request.urlopen(urllib.request.Request(f"{base}/{sandbox['id']}", method="DELETE"), timeout=30)
PY
}

stop() {
  if [ -n "$server" ]; then
    if [ -n "$temporary" ]; then delete_sandboxes; fi
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if [ -n "$temporary" ]; then
    # The supervisor and the launcher end right after the server when no sandbox is left.
    for _ in $(seq 50); do rm -rf "$temporary" 2>/dev/null && break || sleep 0.1; done
  fi
}
trap stop EXIT

mkdir -p "$(dirname "$DEMO_STATE")"
if [ -n "$temporary" ]; then chmod 755 "$temporary"; fi
# A configuration file of the caller must not change what the demo shows.
env -u SANDBOX_CONFIG_PATH HOME=/nonexistent OPENSANDBOX_SERVER_API_KEY= \
  build/opensandbox server --listen "127.0.0.1:$port" --state "$DEMO_STATE" >"$log" 2>&1 &
server=$!

healthy() {
  "$python" - "$port" <<'PY' 2>/dev/null
import sys, urllib.request
urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/health", timeout=2).read()
PY
}
for _ in $(seq 100); do
  if healthy; then break; fi
  if ! kill -0 "$server" 2>/dev/null; then
    echo "the server did not start:" >&2
    cat "$log" >&2
    exit 1
  fi
  sleep 0.1
done

if ! OPEN_SANDBOX_DOMAIN=127.0.0.1:$port OPENSANDBOX_DISABLE_METRICS=1 "$python" examples/quickstart.py; then
  echo "the quick start failed; the server said:" >&2
  tail -n 40 "$log" >&2
  exit 1
fi
echo
echo "Shown: the released Python client, unmodified, drove a sandbox of this machine's server (state $DEMO_STATE):"
echo "a shell command, a file written and read, Python code with its result, and a clean end."
