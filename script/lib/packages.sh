# The distribution's packages that kvmweb needs, each group with its reason, and how they are installed.
# shellcheck shell=bash

# "reason: packages", one group per line. $1 is run or dev.
package_groups() {
  cat <<'LIST'
to run guests: libvirt-daemon-system libvirt-clients libvirt-daemon-config-network libvirt-daemon-config-nwfilter qemu-system-x86 qemu-utils
for guests with UEFI, secure boot and a TPM: ovmf swtpm swtpm-tools
for the guests' network: dnsmasq-base iproute2 iptables
to run the site in Python: python3 python3-venv
to build the libvirt module for Python: python3-dev gcc pkg-config libvirt-dev
to know the system of an ISO: osinfo-db
for pages in other languages than English: gettext
for passwords and certificates: openssl ca-certificates
to build the Tiny Linux image: syslinux mtools dosfstools cpio kmod xz-utils zstd
LIST
  if [ "$1" = dev ] || [ -n "${KVMWEB_LDAP_URL:-}" ]; then
    echo "to build the LDAP module for Python: libldap2-dev libsasl2-dev"
  fi
  if [ "$1" = dev ]; then
    # Ubuntu has Chromium as a snap only; script/test says so when it comes to the browser.
    grep -qs '^ID=ubuntu' /etc/os-release || echo "to test in a real browser: chromium fonts-dejavu-core"
    cat <<'LIST'
to test logging in by LDAP: slapd
to check the scripts: shellcheck busybox-static
to check guests' XML by libvirt's schema: libxml2-utils
to log in to test guests: openssh-client
to give test guests another keyboard: kbd console-data
to test storage pools on loop devices: lvm2 e2fsprogs mount
to build a Debian cloud image for the tests: mmdebstrap fdisk extlinux e2fsprogs
to run the tests on PostgreSQL: postgresql
LIST
  fi
}

# Packages of a scope, one per line.
packages() { package_groups "$1" | sed 's/^[^:]*: //' | tr ' ' '\n'; }
# Packages of a scope that are not installed, one per line. One call, for a second start must be quick.
missing_packages() {
  local names
  mapfile -t names < <(packages "$1")
  # dpkg-query fails for names it has never heard of, and lists the others all the same.
  { dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${names[@]}" 2>/dev/null || true; } |
    sed -n 's/^installed //p' | sort -u | comm -13 - <(printf '%s\n' "${names[@]}" | sort -u)
}

# Print each group that has a missing package: what and why.
explain_missing() {
  local missing=" $* " group reason name wanted
  while IFS= read -r group; do
    reason=${group%%:*}
    wanted=
    for name in ${group#*: }; do
      if [[ $missing == *" $name "* ]]; then wanted+=" $name"; fi
    done
    if [ -n "$wanted" ]; then say "      $reason:$wanted"; fi
  done < <(package_groups dev)
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 "$@"; }

# Those of the packages given that apt's lists do not know, one per line.
unknown_packages() {
  { apt-cache madison "$@" 2>/dev/null || true; } | sed 's/^ *//; s/ .*//' | sort -u |
    comm -13 - <(printf '%s\n' "$@" | sort -u)
}

install_packages() {
  # Lists that are missing or older than the mirror are the usual reason for a failure: fetch them once.
  if [ -z "$(unknown_packages "$@")" ] && apt install --no-install-recommends "$@" >>"$SETUP_LOG" 2>&1; then return; fi
  logged "apt-get update failed." apt update
  logged "apt-get could not install the packages." apt install --no-install-recommends "$@"
}
