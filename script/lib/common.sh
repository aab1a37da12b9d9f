# Shared by the scripts that a person types: where things are, progress lines, stamps, becoming root.
# To be sourced after `set -euo pipefail`; does nothing by itself but set variables.
# shellcheck shell=bash disable=SC2034

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export KVMWEB_HOME=${KVMWEB_HOME:-$ROOT/var}
export KVMWEB_LIBVIRT_URI=${KVMWEB_LIBVIRT_URI:-qemu:///system}
VENV=$ROOT/.venv
PYTHON=$VENV/bin/python
SETUP_LOG=$KVMWEB_HOME/setup.log
# The super user's tools (virtlogd, mkfs.fat) are not on everybody's PATH on Debian; npm is where pip put it.
PATH=$VENV/bin:$PATH:/usr/sbin:/sbin
STEP=0
STEPS=0
STEP_OPEN=no

# --- what a person reads -------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }

# Stop with a message and what to do about it.
fail() {
  end_line
  printf 'kvmweb: %s\n' "$@" >&2
  exit 1
}

warn() {
  end_line
  printf '      %s\n' "$@" >&2
}

# Finish a line that says "... " before anything else is printed.
end_line() {
  if [ "$STEP_OPEN" = yes ]; then echo; fi
  STEP_OPEN=no
}

# Run the step function $2...; it sets RESULT to what stands behind "...", "done" if it sets nothing.
step() {
  local title=$1 started=$SECONDS
  shift
  STEP=$((STEP + 1))
  RESULT=
  printf '[%d/%d] %s ... ' "$STEP" "$STEPS" "$title"
  STEP_OPEN=yes
  "$@"
  if [ -z "$RESULT" ]; then RESULT="done ($((SECONDS - started)) s)"; fi
  if [ "$STEP_OPEN" = no ]; then printf '      '; fi
  printf '%s\n' "$RESULT"
  STEP_OPEN=no
}

# Run a command with its output in the log; on failure show the end of it and stop with the message $1.
logged() {
  local message=$1 log=$KVMWEB_HOME/setup.log
  shift
  printf '\n$ %s\n' "$*" >>"$log"
  if "$@" >>"$log" 2>&1 </dev/null; then return; fi
  end_line
  tail -n 15 "$log" | sed 's/^/      | /' >&2
  fail "$message" "The whole output stands in $log."
}

# --- stamps: a step is skipped while what went into it is the same --------------------------------------------------

# One word for the contents of files (arguments) and of standard input, if that is not a terminal.
hash_of() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

# True if the stamp file $1 holds the word $2.
is_stamped() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

# --- root ----------------------------------------------------------------------------------------------------------

is_root() { [ "$(id -u)" -eq 0 ]; }

# Run a command as root; $1... is the command.
as_root() {
  if is_root; then "$@"; return; fi
  command -v sudo >/dev/null || fail "this needs root, and there is no sudo here. Run as root:" "  $*"
  sudo "$@"
}

make_home() {
  if [ ! -d "$KVMWEB_HOME" ]; then (umask 077 && mkdir -p "$KVMWEB_HOME"); fi
  : >"$SETUP_LOG"
}

# Let one set-up at a time work on this checkout; the lock goes with the descriptor.
lock_checkout() {
  exec 9<"$ROOT/script/setup"
  flock -n 9 || { say "Waiting for another set-up of this checkout to end."; flock 9; }
}

unlock_checkout() { exec 9<&-; }
