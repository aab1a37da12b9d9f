# The steps of the set-up, in the order in which script/setup and script/server take them.
# Each is idempotent, and quick when there is nothing to do.
# shellcheck shell=bash disable=SC2034

# --- the machine ---------------------------------------------------------------------------------------------------

check_system() {
  local release=${OS_RELEASE:-/etc/os-release} name="an unknown system" id=unknown version=
  if [ -r "$release" ]; then
    # shellcheck source=/dev/null
    name=$(. "$release" && echo "${PRETTY_NAME:-$ID}") id=$(. "$release" && echo "$ID")
    # shellcheck source=/dev/null
    version=$(. "$release" && echo "${VERSION_ID:-}")
  fi
  RESULT=$name
  case $id:$version in
    debian:12 | debian:13 | ubuntu:24.04) return ;;
  esac
  if [ "${KVMWEB_SKIP_APT:-}" = 1 ]; then return; fi
  end_line
  say "      This is $name; the set-up knows Debian 12, Debian 13 and Ubuntu 24.04."
  say "      Install the equivalents of these by hand, then start again with KVMWEB_SKIP_APT=1:"
  package_groups run | sed 's/^/        /'
  exit 1
}

install_missing() {
  local scope=$1 missing
  if [ "${KVMWEB_SKIP_APT:-}" = 1 ]; then RESULT="skipped (KVMWEB_SKIP_APT=1)"; return; fi
  mapfile -t missing < <(missing_packages "$scope")
  if [ ${#missing[@]} -eq 0 ]; then RESULT="all there"; return; fi
  end_line
  say "      ${#missing[@]} packages are installed with apt-get now:"
  explain_missing "${missing[@]}"
  say "      This takes a minute or two."
  install_packages "${missing[@]}"
}

# The steps that make the machine ready: $1 is run or dev, the rest the script to start again in the group libvirt.
prepare_machine() {
  local scope=$1
  shift
  if [ -n "${KVMWEB_RESUMED:-}" ]; then
    is_root || is_in_group libvirt || fail "the group \"libvirt\" could not be entered; log out and in again."
    STEP=3
    return
  fi
  step "Operating system" check_system
  step "System packages" install_missing "$scope"
  step "Group libvirt" join_group "$@"
}

# --- Python and the browser's libraries ----------------------------------------------------------------------------

# $1 is run or dev: requirements.txt, or requirements-dev.txt which includes it.
install_python() {
  local scope=$1 wanted=requirements.txt stamp hash
  if [ "$scope" = dev ]; then wanted=requirements-dev.txt; fi
  stamp=$VENV/.stamp-$scope
  # Debian's own Python, whatever pyenv or conda put first on the PATH; a new release of it gets a new .venv.
  hash=$( (/usr/bin/python3 --version && cat "$ROOT"/requirements*.txt && echo "${KVMWEB_LDAP_URL:+ldap}") | hash_of)
  if is_stamped "$stamp" "$hash" && [ -x "$PYTHON" ]; then RESULT="up to date"; return; fi
  if ! is_usable_venv; then
    logged "The Python environment could not be made." /usr/bin/python3 -m venv --clear "$VENV"
  fi
  logged "The Python packages could not be installed; is the package index reachable?" \
    "$PYTHON" -m pip install --disable-pip-version-check --no-input -r "$ROOT/$wanted"
  if [ "$scope" = run ] && [ -n "${KVMWEB_LDAP_URL:-}" ]; then
    logged "The Python packages for LDAP could not be built." \
      "$PYTHON" -m pip install --disable-pip-version-check --no-input -r "$ROOT/requirements-ldap.txt"
  fi
  echo "$hash" >"$stamp"
  # What the tests need includes what the site needs.
  if [ "$scope" = dev ]; then echo "$hash" >"$VENV/.stamp-run"; fi
}

# True if .venv runs, has pip, and is of the same Python as the system's.
is_usable_venv() {
  local version='import sys; print(sys.version_info[:2])'
  [ -x "$PYTHON" ] && "$PYTHON" -m pip --version >/dev/null 2>&1 &&
    [ "$("$PYTHON" -c "$version")" = "$(/usr/bin/python3 -c "$version")" ]
}

install_browser_libraries() {
  local stamp=$ROOT/node_modules/.stamp hash
  hash=$(hash_of "$ROOT/package.json" "$ROOT/package-lock.json")
  if is_stamped "$stamp" "$hash"; then RESULT="up to date"; return; fi
  command -v npm >/dev/null || fail "there is no npm, and .venv has none either; remove .venv and start again."
  # Nothing that a package wants to run at its installation is run.
  logged "The browser libraries could not be fetched; is the npm registry reachable?" \
    npm --prefix "$ROOT" ci --ignore-scripts --no-audit --no-fund --no-progress
  echo "$hash" >"$stamp"
}

build_assets() {
  local stamp=$ROOT/node_modules/.stamp-assets hash
  hash=$( (
    cd "$ROOT" || exit
    cat package-lock.json script/lib/build.mjs
    if [ -d static/src ]; then find static/src -type f -exec sha256sum {} + | LC_ALL=C sort; fi
  ) | hash_of)
  if is_stamped "$stamp" "$hash" && [ -d "$ROOT/static/dist" ]; then RESULT="up to date"; return; fi
  logged "The scripts and styles could not be built." node "$ROOT/script/lib/build.mjs"
  echo "$hash" >"$stamp"
}

# Make of each locale/*/LC_MESSAGES/*.po the .mo beside it that Django reads.
compile_translations() {
  local stamp=$ROOT/locale/.stamp hash catalogue count=0
  hash=$(hash_of "$ROOT"/locale/*/LC_MESSAGES/*.po)
  if is_stamped "$stamp" "$hash" && has_all_translations; then RESULT="up to date"; return; fi
  command -v msgfmt >/dev/null || fail "there is no msgfmt; it is in the package gettext."
  for catalogue in "$ROOT"/locale/*/LC_MESSAGES/*.po; do
    # msgfmt writes also what it finds wrong.
    logged "A translation could not be compiled." msgfmt --check -o "${catalogue%.po}.new" "$catalogue"
    mv "${catalogue%.po}.new" "${catalogue%.po}.mo"
    count=$((count + 1))
  done
  echo "$hash" >"$stamp"
  RESULT="done ($count beside English)"
}

has_all_translations() {
  local catalogue
  for catalogue in "$ROOT"/locale/*/LC_MESSAGES/*.po; do
    [ -f "${catalogue%.po}.mo" ] || return 1
  done
}

# --- libvirt -------------------------------------------------------------------------------------------------------

libvirt_answers() { timeout 10 virsh -q -c "$KVMWEB_LIBVIRT_URI" version >/dev/null 2>&1 </dev/null; }

has_service_manager() { [ -d /run/systemd/system ]; }

# True if a process of that name runs here. (Not pgrep: a bare system has none.)
is_running() { grep -qsx "$1" /proc/[0-9]*/comm; }

start_libvirt() {
  case $KVMWEB_LIBVIRT_URI in
    qemu:///system) ;;
    *) RESULT="not started here ($KVMWEB_LIBVIRT_URI)"; return ;;
  esac
  own_tpm_authority
  if has_service_manager; then start_with_systemd; else start_by_hand; fi
  # Its first start on a machine asks every QEMU what it can do.
  local deadline=$((SECONDS + 90))
  until libvirt_answers; do
    [ "$SECONDS" -lt "$deadline" ] || fail_without_libvirt
    sleep 0.3
  done
}

fail_without_libvirt() {
  local reason
  reason=$(timeout 10 virsh -c "$KVMWEB_LIBVIRT_URI" version 2>&1 </dev/null | grep . | tail -n 1) || true
  fail "libvirt does not answer. ${reason:-It says nothing.}" \
    "Look at \"journalctl -u libvirtd\", or stop libvirtd and run it by hand to see what it says."
}

start_with_systemd() {
  local unit
  if libvirt_answers; then RESULT="runs"; return; fi
  if systemctl cat libvirtd.service >/dev/null 2>&1; then
    logged "libvirtd did not start." as_root systemctl start libvirtd.service
    return
  fi
  # Where libvirt comes as one daemon per driver.
  for unit in virtlogd virtqemud virtnetworkd virtstoraged virtnodedevd virtsecretd virtnwfilterd virtinterfaced; do
    logged "$unit did not start." as_root systemctl start "$unit.socket"
  done
}

# Start what is missing where nothing else starts services; both stay up when the site stops.
start_by_hand() {
  share_kvm_device
  # A guest with a serial log does not start without virtlogd, so it is looked at even when libvirtd runs.
  if is_running virtlogd && { is_running libvirtd || is_running virtqemud; } && libvirt_answers; then
    RESULT="runs"
    return
  fi
  if ! is_running virtlogd; then start_daemon virtlogd; fi
  if is_running libvirtd || is_running virtqemud; then return; fi
  if is_chroot; then switch_namespaces_off; fi
  # A serial console is locked there; where no service manager runs, nobody has made it.
  if [ ! -d /run/lock ]; then as_root mkdir -m 1777 /run/lock; fi
  start_daemon libvirtd
}

# Do what udev does: while QEMU's user cannot open the device, libvirt asks QEMU anew what it can do at every question,
# and each takes seconds.
share_kvm_device() {
  local device=/dev/kvm
  if [ ! -c "$device" ] || ! getent group kvm >/dev/null; then return; fi
  case $(stat -c '%G %a' "$device") in
    "kvm "?[67]? | *[67]) return ;;
  esac
  as_root chgrp kvm "$device" && as_root chmod g+rw "$device"
}

# Give the authority for certificates of emulated TPMs back to libvirt's swtpm user: once swtpm_setup has been run by
# root, no guest with a TPM starts any more.
own_tpm_authority() {
  local authority=/var/lib/swtpm-localca owner
  # Who may not look there is not asked for a password at every start.
  if [ ! -r "$authority" ]; then return; fi
  owner=$(stat -c %U "$authority")
  if [ "$owner" = root ] || ! find "$authority" -mindepth 1 -user root | grep -q .; then return; fi
  as_root find "$authority" -mindepth 1 -user root -exec chown "$owner" {} +
}

# True in a chroot: who enters the mount namespace that he is in already comes out at another root.
is_chroot() {
  [ "$(as_root nsenter --mount=/proc/self/ns/mnt stat -c %d:%i / 2>/dev/null)" != "$(stat -c %d:%i /)" ]
}

# libvirt makes the /dev of a guest by entering its namespace, and that leads out of a chroot: QEMU would find no device.
switch_namespaces_off() {
  local config=/etc/libvirt/qemu.conf
  if as_root grep -qs '^ *namespaces *=' "$config"; then return; fi
  end_line
  say "      This is a chroot, in which libvirt cannot give guests a /dev of their own: $config gets"
  say "      \"namespaces = []\"."
  # shellcheck disable=SC2016 # expanded by the inner shell
  as_root sh -c 'printf "\n# Added by kvmweb: see libvirt and chroot.\nnamespaces = []\n" >>"$1"' sh "$config"
}

start_daemon() {
  local options=(-d)
  if [ "$1" = libvirtd ] && [ ! -S /run/dbus/system_bus_socket ]; then
    options+=(--config "$(config_without_polkit)")
  fi
  # Descriptor 9 is the set-up's lock: a daemon that kept it would hold it for ever.
  as_root "$1" "${options[@]}" >>"$SETUP_LOG" 2>&1 </dev/null 9<&- || fail "$1 did not start; see $SETUP_LOG."
}

# Without D-Bus there is no polkit to ask: the socket's group decides who may use libvirt.
config_without_polkit() {
  local config=/run/kvmweb-libvirtd.conf
  # shellcheck disable=SC2016 # expanded by the inner shell
  as_root sh -c 'umask 022
    { cat /etc/libvirt/libvirtd.conf 2>/dev/null
      echo "unix_sock_group = \"libvirt\""
      echo "unix_sock_rw_perms = \"0770\""
      echo "auth_unix_rw = \"none\""
    } >"$1"' sh "$config"
  echo "$config"
}

# --- who may use libvirt -------------------------------------------------------------------------------------------

is_in_group() { id -nG | tr ' ' '\n' | grep -qx "$1"; }

# See to it that the user is in the group "libvirt"; $@ is the script to start again under it.
join_group() {
  if is_root; then RESULT="not needed for root"; return; fi
  if [ "$KVMWEB_LIBVIRT_URI" != qemu:///system ]; then RESULT="not needed for $KVMWEB_LIBVIRT_URI"; return; fi
  if is_in_group libvirt; then RESULT="you are in it"; return; fi
  getent group libvirt >/dev/null || fail "there is no group \"libvirt\"; is libvirt installed?"
  if ! id -nG "$(id -un)" | tr ' ' '\n' | grep -qx libvirt; then
    end_line
    say "      $(id -un) joins the group \"libvirt\", whose members may use this machine's guests."
    as_root usermod -a -G libvirt "$(id -un)"
  fi
  end_line
  say "      A new group counts from the next log in only, so this goes on in a process of that group."
  unlock_checkout
  resume_in_group "$@"
}

# Replace this process by the script $@ in the group libvirt.
resume_in_group() { KVMWEB_RESUMED=1 exec sg libvirt -c "exec $(printf '%q ' "$@")"; }

# --- the first guest, the database ---------------------------------------------------------------------------------

# A site without Tiny Linux works all the same, so a failure is a warning.
build_tiny_linux() {
  local built=$KVMWEB_HOME/tiny-linux/tiny-linux.qcow2 before
  before=$(stat -c %Y "$built" 2>/dev/null) || before=missing
  if TINY_IMAGE=$(try_tiny_linux); then
    if [ "$before" = "$(stat -c %Y "$TINY_IMAGE")" ]; then RESULT="up to date"; fi
  elif [ "$before" != missing ]; then
    TINY_IMAGE=$built
    warn "Tiny Linux could not be built again: $(tail -n 1 "$SETUP_LOG")"
    RESULT="left as it was"
  else
    TINY_IMAGE=
    warn "Tiny Linux could not be built, so there is no template at first: $(tail -n 1 "$SETUP_LOG")"
    RESULT="left out"
  fi
}

# Build it; where the mirror no longer has what apt's lists name, fetch the lists and try once more.
try_tiny_linux() {
  "$ROOT/script/tiny-linux" 2>>"$SETUP_LOG" && return
  tail -n 1 "$SETUP_LOG" | grep -q ' 404 ' || return
  apt update >>"$SETUP_LOG" 2>&1 && "$ROOT/script/tiny-linux" 2>>"$SETUP_LOG"
}

prepare_site() {
  local options=()
  if [ -n "${TINY_IMAGE:-}" ]; then options+=(--tiny-image "$TINY_IMAGE"); fi
  logged "The database could not be migrated." "$PYTHON" "$ROOT/manage.py" migrate --no-input
  end_line
  # Its words are for the person: among them the one-time password, which no log may keep.
  "$PYTHON" "$ROOT/manage.py" bootstrap "${options[@]}" || fail "the first set-up of the site failed."
}
