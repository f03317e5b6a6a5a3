#!/bin/sh
# The entrypoint that clients of the code interpreter name. There is no server to start: execd runs the code. It waits
# until it is told to end.
trap 'kill "$!" 2>/dev/null; exit 0' TERM INT
while :; do
  sleep 86400 &
  wait "$!"
done
