# source code-interpreter-env.sh python|java|node|go [VERSION]: chooses a version for this shell. VERSION may be the
# beginning of one; the newest that fits is taken. Commands that execd starts later see the choice, too.

# Lines "version path" of what is there.
_osb_versions() {
  local place
  case $1 in
    python)
      for place in /usr/bin/python3.[0-9] /usr/bin/python3.[0-9][0-9] /opt/opensandbox/python/*/bin/python3; do
        [ -x "$place" ] && echo "$("$place" -c 'import platform; print(platform.python_version())') $place"
      done ;;
    java)
      for place in /usr/lib/jvm/* /opt/opensandbox/java/*; do
        [ -L "$place" ] || sed -n "s|^JAVA_VERSION=\"\(.*\)\"|\1 $place|p" "$place/release" 2>/dev/null
      done ;;
    node | go)
      for place in "/opt/$1"/* "/opt/opensandbox/$1"/*; do
        [ -d "$place/bin" ] && basename "$place" | sed "s|^v\{0,1\}\(.*\)|\1 $place|"
      done ;;
    *)
      echo "usage: source code-interpreter-env.sh python|java|node|go [VERSION]" >&2
      return 1 ;;
  esac
  return 0
}

_osb_set() {
  export "$1=$2"
  # The file is read again for every command.
  { printf "%s='%s'\n" "$1" "$2" >>"${EXECD_ENVS:-/opt/opensandbox/.env}"; } 2>/dev/null || :
}

_osb_choose() {
  local there found place
  there=$(_osb_versions "$1") || return 1
  there=$(sort -V <<<"$there")
  found=$(awk -v wanted="${2:-}" 'wanted == "" || index($1 ".", wanted ".") == 1' <<<"$there" | tail -n 1)
  if [ -z "$found" ]; then
    echo "$1 ${2:-} is not here; there is: $(cut -d' ' -f1 <<<"$there" | xargs)" >&2
    return 1
  fi
  place=${found#* }
  case $1 in
    python) place=$(dirname "$place") ;;
    java) _osb_set JAVA_HOME "$place"; place=$place/bin ;;
    go) _osb_set GOROOT "$place"; place=$place/bin ;;
    node) place=$place/bin ;;
  esac
  _osb_set PATH "$place:$PATH"
  echo "Switched to $1 ${found%% *}"
}

_osb_choose "$@"
