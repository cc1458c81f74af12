# set_up CHECKOUT EXTRA: make CHECKOUT/.venv hold nnrep (editable) with the optional dependencies EXTRA
# (may be empty), as pyproject.toml asks. A second call finds a stamp and does nothing.

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11 python; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "nnrep: needs Python 3.11 or newer; name one with PYTHON=/path/to/python3" >&2
    return 2
}

make_environment() {
    local python=$1 venv=$2
    # Some distributions ship venv without ensurepip: then pip installs from outside.
    "$python" -m venv "$venv" >/dev/null 2>&1 ||
        "$python" -m venv --without-pip "$venv"
}

install_into() {
    local python=$1 venv=$2 target=$3
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check --editable "$target"
    else
        "$python" -m pip --python "$venv/bin/python" install -qq --disable-pip-version-check \
            --editable "$target"
    fi
}

is_set_up() {
    local venv=$1 extra=$2 wanted=$3 stamp
    [ -x "$venv/bin/python" ] || return 1
    # The environment with the test tools serves the plain command as well.
    for stamp in "$venv/.nnrep-$extra" "$venv/.nnrep-dev"; do
        [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return
    done
    return 1
}

set_up() {
    local checkout=$1 extra=$2 venv=$1/.venv python wanted
    wanted=$(cksum <"$checkout/pyproject.toml")
    if is_set_up "$venv" "$extra" "$wanted $checkout"; then return; fi
    # Two first calls at a time: the second waits for the first.
    if command -v flock >/dev/null; then
        exec 9>"$checkout/.venv.lock"
        flock 9
        if is_set_up "$venv" "$extra" "$wanted $checkout"; then exec 9>&-; return; fi
    fi
    python=$(find_python)
    if [ -e "$venv" ] && [ ! -e "$venv/.nnrep-home" ]; then
        echo "nnrep: $venv is not ours; move it away or remove it" >&2
        return 2
    fi
    echo "nnrep: setting up $venv (once; a minute or two)" >&2
    if ! [ -x "$venv/bin/python" ] || [ "$(cat "$venv/.nnrep-home")" != "$checkout" ]; then
        rm -rf "$venv"
        mkdir "$venv"
        echo "$checkout" >"$venv/.nnrep-home"
        make_environment "$python" "$venv"
    fi
    install_into "$python" "$venv" "$checkout${extra:+[$extra]}"
    echo "$wanted $checkout" >"$venv/.nnrep-$extra"
    [ -e "$checkout/.venv.lock" ] && exec 9>&- || true
}
