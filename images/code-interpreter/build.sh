#!/usr/bin/env bash
# build.sh CACHE OUTPUT: the root file system as a tar archive. Needs root, for chroot and owners of files.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$(mkdir -p "$1" && cd "$1" && pwd)
output=$2

from=$cache/from
"$here/fetch.sh" "$from"
install -m 0644 "$here"/versions.sh "$from"
install -m 0755 "$here"/install.sh "$here"/code-interpreter.sh "$here"/code-interpreter-env.sh "$from"
packages=$(sed 's/#.*//' "$here/packages.txt" | xargs | tr ' ' ',')

# The machine's own sources of Debian 12, which it trusts already.
mapfile -t sources < <(apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT)' \
  'Created-By: Packages' 'Origin: Debian' 'Component: main' | grep -E ' bookworm(-updates|-security)? main$' | sort -u)
if [ "${#sources[@]}" = 0 ]; then
  echo "$0: this machine has no package source of Debian 12 (bookworm); apt-get update first" >&2
  exit 1
fi

# OpenJDK's package wants the folder of manuals, which it does not get to fill. Nobody needs crash safety in a file system
# that is thrown away when this fails.
TMPDIR=$cache mmdebstrap --mode=root --variant=minbase --format=tar --include="$packages" \
  --aptopt='Apt::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/include/boost/*' \
  --essential-hook='mkdir -p "$1/usr/share/man/man1"' \
  --customize-hook="mkdir \"\$1/mnt/from\" && mount --bind '$from' \"\$1/mnt/from\"" \
  --customize-hook='status=0; chroot "$1" /mnt/from/install.sh /mnt/from || status=$?
                    umount "$1/mnt/from" && rmdir "$1/mnt/from"; exit $status' \
  --skip=output/dev \
  bookworm "$output.new" "${sources[@]}" >"$cache/build.log" 2>&1 ||
  { tail -40 "$cache/build.log" >&2; exit 1; }
mv "$output.new" "$output"
