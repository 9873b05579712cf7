# Sourced by the scripts beside this folder: messages, prerequisites, digests
# and downloads from the Python package index. Prints for people on stderr.

program=$(basename "$0")

# How pip is asked: quietly, and giving up in about a minute where there is no
# network (its own default tries for several minutes).
pip_options=(--quiet --disable-pip-version-check --no-input --retries 3 --timeout 15)

say() { printf '%s: %s\n' "$program" "$*" >&2; }

die() {
    printf '%s: error: %s\n' "$program" "$*" >&2
    exit 2
}

# print_help: the comment at the head of the running script, and the end.
print_help() {
    awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"
    exit 0
}

# need COMMAND WHY-AND-WAY-OUT: ends with one sentence where COMMAND is missing.
need() { command -v "$1" >/dev/null 2>&1 || die "$1 is not installed: $2"; }

# need_rust MANIFEST [WITH]: ends with one sentence where what compiles the
# programs is missing or older than MANIFEST's rust-version. Rust links by way
# of cc, and some of the libraries are C.
need_rust() {
    local wanted have with=${2-}
    wanted=$(awk -F'"' '$1 ~ /^rust-version *=/ { print $2; exit }' "$1")
    need cargo "install Rust $wanted or newer$with (https://rustup.rs)"
    need rustc "install Rust $wanted or newer$with (https://rustup.rs)"
    need cc "Rust links with it; install a C compiler (Debian: apt-get install gcc libc6-dev; macOS: xcode-select --install)"
    have=$(rustc --version 2>/dev/null | awk '{ print $2 }') || true
    is_version "$have" "$wanted" ||
        die "rustc is version ${have:-unknown}, and $wanted or newer is needed: update it (rustup update)"
}

# is_version HAVE WANTED: whether MAJOR.MINOR of HAVE is at least that of WANTED.
is_version() {
    awk -v have="$1" -v wanted="$2" 'BEGIN {
        split(have, h, "."); split(wanted, w, ".")
        exit !(h[1] + 0 > w[1] + 0 || (h[1] + 0 == w[1] + 0 && h[2] + 0 >= w[2] + 0))
    }'
}

need_pip() {
    need python3 "it is needed to fetch files from the Python package index; install Python 3.9 or newer"
    python3 -m pip --version >/dev/null 2>&1 ||
        die "python3 has no pip: install it (Debian: apt-get install python3-pip; elsewhere: python3 -m ensurepip)"
}

# lay FILE NAME: moves FILE to NAME, written in pieces of 2 MiB as llm-pull does,
# so that Linux keeps it in memory in pages of that size.
lay() {
    dd if="$1" of="$2.laid" bs=2097152 2>/dev/null
    mv -f "$2.laid" "$2"
    rm -f "$1"
}

# sha256_of FILE: its digest in hexadecimal, nothing where it cannot be read.
sha256_of() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum -- "$1" 2>/dev/null | cut -d' ' -f1
    else
        shasum -a 256 -- "$1" 2>/dev/null | cut -d' ' -f1
    fi
}

# check_sha256 LIST: whether every file of LIST (`DIGEST  NAME` lines, names as
# seen from the current folder) is there and has its digest.
check_sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum --check --status -- "$1" 2>/dev/null
    else
        shasum -a 256 --check --status -- "$1" 2>/dev/null
    fi
}

# has_sha256 FILE DIGEST: whether FILE is there and has that digest.
has_sha256() { [ -f "$1" ] && [ "$(sha256_of "$1")" = "$2" ]; }

# pip_get DIR REQUIREMENT [OPTION...]: downloads one package file into DIR.
pip_get() {
    local folder=$1 requirement=$2 log
    shift 2
    log=$folder/pip.log
    say "downloading $requirement"
    python3 -m pip download "${pip_options[@]}" --no-deps --dest "$folder" \
        "$@" "$requirement" >"$log" 2>&1 ||
        die "pip could not download $requirement ($(grep -E '^ *(ERROR|error)' "$log" | tail -n 1 || true)): check the network or pip's index, then run this again"
}

# unzip_to DIR FILE: unpacks a wheel, which is a zip file.
unzip_to() {
    python3 -m zipfile -e "$2" "$1" || die "$2 is not a whole zip file: run this again"
}
