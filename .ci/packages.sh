# Installs Debian packages that are missing. Sourced by ./run, ./test and .ci/run.

# need COMMAND-OR-PATH PACKAGE: makes sure that a program is there.
need() {
    local program
    for program in $1; do
        if [ -x "$program" ] || command -v "$program" >/dev/null 2>&1; then return 0; fi
    done
    missing+=("$2")
}

install_missing() {
    [ "${#missing[@]}" -eq 0 ] && return 0
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "Please install: ${missing[*]}" >&2; exit 1; }
        as_root=(sudo)
    fi
    command -v apt-get >/dev/null || { echo "Please install: ${missing[*]}" >&2; exit 1; }
    echo "==> Installing ${missing[*]}"
    # Only PostgreSQL's programs are wanted, not Debian's own cluster.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        "${as_root[@]}" mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confold "${missing[@]}"
    missing=()
}

missing=()
command -v cargo >/dev/null || { [ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"; }
command -v cargo >/dev/null || { echo "A Rust toolchain is needed (cargo): see rustup.rs" >&2; exit 1; }
need cc build-essential
# The newest PostgreSQL that Debian has: 15 on Debian 12.
if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && [ -z "${VARTAI_PG_BIN:-}" ]; then missing+=(postgresql); fi
